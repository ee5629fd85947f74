"""`parallelbench run`: decoders on tasks with a model."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.cli.arguments import (
    AllowCode,
    AllowShortCanvas,
    AsJson,
    BatchSize,
    DataDir,
    Device,
    DryRun,
    Limit,
    MaxCost,
    Measured,
    Out,
    PricesFile,
    Seeds,
    Shots,
    Speed,
    Suite,
    WholeTable,
)
from parallelbench.errors import UserError


def command(
    model: Annotated[list[str], typer.Option("--model", "-m", help="Model, for example tiny; may be repeated.")],
    task: Annotated[list[str], typer.Option("--task", "-t", help="Tasks: a comma list, 'waiting_line/*', or repeated.")],
    decoder: Annotated[
        list[str] | None, typer.Option("--decoder", "-d", help="Decoder, for example 'confidence:k=[1,2,4]'; repeatable.")
    ] = None,
    suite: Suite = "ours",
    data_dir: DataDir = None,
    limit: Limit = None,
    seed: Seeds = None,
    shots: Shots = None,
    allow_short_canvas: AllowShortCanvas = False,
    allow_code: AllowCode = False,
    cache: Annotated[
        list[str] | None, typer.Option("--cache", help="Keys kept between forwards (list caches); repeatable.")
    ] = None,
    aux: Annotated[str | None, typer.Option("--aux", help="Second model with the same tokens, for some decoders.")] = None,
    batch_size: BatchSize = "auto",
    device: Device = None,
    out: Out = None,
    distribution: Annotated[
        int | None,
        typer.Option("--distribution", min=2, metavar="N", help="Draw N answers to one question; compare with the law."),
    ] = None,
    dry_run: DryRun = False,
    measured: Measured = None,
    speed: Speed = None,
    prices: PricesFile = None,
    max_cost: MaxCost = None,
    table: WholeTable = False,
    as_json: AsJson = False,
) -> None:
    """Decode tasks with a model under several decoders.

    Prints accuracy against speed, and keeps every sample in the folder of the run; the same command again
    continues where it was cut off. Example:
    parallelbench run -m tiny -t waiting_line/copy,waiting_line/shuffle -d 'confidence:k=[1,2,4,8]' -d threshold -o out
    With --distribution it compares the answers to one question with the right ones, which are equally likely:
    parallelbench run -m exact -t list_ops/shuffle:lengths=[4] -d threshold:temperature=1 --distribution 2000
    """
    from parallelbench.cli.forecasting import PlanOptions
    from parallelbench.cli.running import permit, start
    from parallelbench.experiments.spec import Sweep
    from parallelbench.specs import build, split_specs

    permit(allow_code)
    options = {
        "models": model, "tasks": split_specs(task), "decoders": split_specs(decoder or []), "suite": suite,
        "data_dir": data_dir, "limit": limit, "seeds": seed or [0], "shots": shots, "allow_short_canvas": allow_short_canvas,
        "cache": cache or ["none"], "aux": aux, "batch_size": batch_size, "device": device,
    }  # fmt: skip
    if distribution is None:
        plan = PlanOptions(tuple(measured or ()), tuple(speed or ()), prices, max_cost)
        start(build(Sweep, "run", options), out, plan, dry_run=dry_run, as_json=as_json, table=table)
        return

    from parallelbench.cli.distribution import show_distributions

    if limit is not None:
        raise UserError("--distribution draws all answers to one question; leave --limit out.")
    sweep = build(Sweep, "run", {**options, "limit": 1})
    show_distributions(sweep, distribution, out, dry_run=dry_run, as_json=as_json)
