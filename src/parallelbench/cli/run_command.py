"""`parallelbench run`: decoders on tasks with a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from parallelbench.cli.arguments import (
    AllowCode,
    AllowShortCanvas,
    AsJson,
    Aux,
    BatchSize,
    Caches,
    CpusPerWorker,
    DataDir,
    Device,
    Distribution,
    DryRun,
    Executor,
    GpusPerWorker,
    Limit,
    MaxCost,
    Measured,
    Out,
    PricesFile,
    Protocol,
    RayAddress,
    Seeds,
    Shots,
    Speed,
    Suite,
    System,
    Track,
    WholeTable,
    Wordings,
    Workers,
    WorkerTimeout,
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
    out: Out = None,
    distribution: Distribution = None,
    executor: Executor = None,
    workers: Workers = None,
    gpus_per_worker: GpusPerWorker = None,
    cpus_per_worker: CpusPerWorker = None,
    ray_address: RayAddress = None,
    worker_timeout: WorkerTimeout = None,
    dry_run: DryRun = False,
    measured: Measured = None,
    speed: Speed = None,
    prices: PricesFile = None,
    max_cost: MaxCost = None,
    track: Track = None,
    table: WholeTable = False,
    as_json: AsJson = False,
) -> None:
    """Decode tasks with a model under several decoders.

    Prints accuracy against speed and keeps every sample in a folder; the same command continues there. Example:
    parallelbench run -m tiny -t waiting_line/copy,waiting_line/shuffle -d 'confidence:k=[1,2,4,8]' -d threshold -o out
    With --distribution it compares the answers to one question with the right ones, which are equally likely:
    parallelbench run -m exact -t list_ops/shuffle:lengths=[4] -d threshold:temperature=1 --distribution 2000
    """
    from parallelbench.cli.forecasting import RunOptions
    from parallelbench.cli.running import permit, start, under_protocol
    from parallelbench.experiments.spec import Sweep
    from parallelbench.specs import build, split_specs

    permit(allow_code)
    suite, tasks, decoders = under_protocol(protocol, suite, split_specs(task), split_specs(decoder or []), shots)
    options = {
        "models": model, "tasks": tasks, "decoders": decoders, "suite": suite,
        "data_dir": data_dir, "limit": limit, "seeds": seed or [0], "shots": shots, "allow_short_canvas": allow_short_canvas,
        "wording": ",".join(wording or ()), "system": system or (), "cache": cache or ["none"], "aux": aux,
        "batch_size": batch_size, "device": device,
    }  # fmt: skip
    placement = {
        "executor": executor, "workers": workers, "gpus_per_worker": gpus_per_worker, "cpus_per_worker": cpus_per_worker,
        "ray_address": ray_address, "worker_timeout": worker_timeout,
    }  # fmt: skip
    if distribution is not None:
        _distributions(options, placement, distribution, out, dry_run=dry_run, as_json=as_json)
    else:
        more = RunOptions(tuple(measured or ()), tuple(speed or ()), prices, max_cost, tuple(track or ()))
        start(build(Sweep, "run", options), out, more, placement, dry_run=dry_run, as_json=as_json, table=table)


def _distributions(
    options: dict[str, Any], placement: dict[str, Any], answers: int, out: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    """Draw so many answers to one question of each task, and compare them with the law.

    Raises:
        UserError: an option does not apply, or as `show_distributions`.
    """
    from parallelbench.cli.distribution import show_distributions
    from parallelbench.experiments.spec import Sweep
    from parallelbench.specs import build

    if any(value is not None for value in placement.values()):
        raise UserError("--distribution runs in this process; leave --executor and its options out.")
    if options["limit"] is not None:
        raise UserError("--distribution draws all answers to one question; leave --limit out.")
    sweep = build(Sweep, "run", {**options, "limit": 1})
    show_distributions(sweep, answers, out, dry_run=dry_run, as_json=as_json)
