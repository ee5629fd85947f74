"""`parallelbench run`: decoders on tasks with a model."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from parallelbench.cli.arguments import (
    AllowCode,
    AllowShortCanvas,
    Aux,
    BatchSize,
    Caches,
    DataDir,
    Device,
    Distribution,
    Limit,
    Protocol,
    Seeds,
    Shots,
    Suite,
    System,
    Wordings,
)
from parallelbench.cli.option_groups import with_groups
from parallelbench.cli.run_options import PlacementOptions, RunOptions
from parallelbench.errors import UserError


@with_groups
def command(
    model: Annotated[list[str], typer.Option("--model", "-m", help="Model, for example tiny; may be repeated.")],
    task: Annotated[list[str], typer.Option("--task", "-t", help="Tasks: a comma list, 'waiting_line/*', or repeated.")],
    decoder: Annotated[
        list[str] | None, typer.Option("--decoder", "-d", help="Decoder, for example 'confidence:k=[1,2,4]'; repeatable.")
    ] = None,
    suite: Suite = "ours",
    data_dir: DataDir = None,
    protocol: Protocol = None,
    limit: Limit = None,
    seed: Seeds = None,
    shots: Shots = None,
    wording: Wordings = None,
    system: System = None,
    allow_short_canvas: AllowShortCanvas = False,
    allow_code: AllowCode = False,
    cache: Caches = None,
    aux: Aux = None,
    batch_size: BatchSize = "auto",
    device: Device = None,
    distribution: Distribution = None,
    *,
    where: PlacementOptions,
    options: RunOptions,
) -> None:
    """Decode tasks with a model under several decoders.

    Prints accuracy against speed and keeps every sample in a folder; the same command continues there. Example:
    parallelbench run -m tiny -t waiting_line/copy,waiting_line/shuffle -d 'confidence:k=[1,2,4,8]' -d threshold -o out
    With --distribution it compares the answers to one question with the right ones, which are equally likely:
    parallelbench run -m exact -t list_ops/shuffle:lengths=[4] -d threshold:temperature=1 --distribution 2000
    """
    from parallelbench.cli.running import permit, start, under_protocol
    from parallelbench.experiments.spec import Sweep
    from parallelbench.specs import build, split_specs

    permit(allow_code)
    suite, tasks, decoders = under_protocol(protocol, suite, split_specs(task), split_specs(decoder or []), shots)
    values = {
        "models": model, "tasks": tasks, "decoders": decoders, "suite": suite,
        "data_dir": data_dir, "limit": limit, "seeds": seed or [0], "shots": shots, "allow_short_canvas": allow_short_canvas,
        "wording": ",".join(wording or ()), "system": system or (), "cache": cache or ["none"], "aux": aux,
        "batch_size": batch_size, "device": device,
    }  # fmt: skip
    if distribution is not None:
        _distributions(values, where, distribution, options)
    else:
        start(build(Sweep, "run", values), options, where)


def _distributions(values: dict[str, Any], where: PlacementOptions, answers: int, options: RunOptions) -> None:
    """Draw so many answers to one question of each task, and compare them with the law.

    Raises:
        UserError: an option does not apply, or as `show_distributions`.
    """
    from parallelbench.cli.distribution import show_distributions
    from parallelbench.experiments.spec import Sweep
    from parallelbench.specs import build

    if where.named:
        raise UserError("--distribution runs in this process; leave --executor and its options out.")
    if values["limit"] is not None:
        raise UserError("--distribution draws all answers to one question; leave --limit out.")
    sweep = build(Sweep, "run", {**values, "limit": 1})
    show_distributions(sweep, answers, options.out, dry_run=options.dry_run, as_json=options.as_json)
