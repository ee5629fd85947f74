"""`parallelbench sweep`: runs an experiment from a YAML file, the user's or one that ships with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.cli.arguments import (
    AllowCode,
    AllowShortCanvas,
    AsJson,
    BatchSize,
    CpusPerWorker,
    DataDir,
    Device,
    DryRun,
    Executor,
    GpusPerWorker,
    Limit,
    MaxCost,
    Measured,
    Out,
    PricesFile,
    RayAddress,
    Speed,
    System,
    Track,
    WholeTable,
    Wordings,
    Workers,
    WorkerTimeout,
)


def command(
    experiment: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="A YAML file, or a name that 'parallelbench list experiments' prints.")
    ],
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Model in place of those of the file; may be repeated.")
    ] = None,
    out: Out = None,
    limit: Limit = None,
    suite: Annotated[
        str | None, typer.Option("--suite", help="Suite in place of that of the file: ours, official, hf or standard.")
    ] = None,
    data_dir: DataDir = None,
    wording: Wordings = None,
    system: System = None,
    allow_short_canvas: AllowShortCanvas = False,
    batch_size: BatchSize = None,
    device: Device = None,
    allow_code: AllowCode = False,
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
    """Run an experiment file: models, tasks, decoders and seeds.

    Every model runs on every task with every decoder and seed. Example: parallelbench sweep quickstart -o out.
    docs/cli.md lists the keys of a file: models, tasks, decoders, ...
    """
    from parallelbench.cli.forecasting import RunOptions
    from parallelbench.cli.running import permit, start
    from parallelbench.experiments.spec import Sweep, load_sweep
    from parallelbench.specs import build

    values = {"models": tuple(model) if model else None, "limit": limit, "batch_size": batch_size, "device": device}
    values |= {"suite": suite, "data_dir": data_dir, "allow_short_canvas": allow_short_canvas or None}
    values |= {"wording": ",".join(wording) if wording else None, "system": system}
    changed = {key: value for key, value in values.items() if value is not None}
    sweep = build(Sweep, f"sweep '{experiment}'", {**load_sweep(experiment).model_dump(), **changed})
    permit(allow_code)
    placement = {
        "executor": executor, "workers": workers, "gpus_per_worker": gpus_per_worker, "cpus_per_worker": cpus_per_worker,
        "ray_address": ray_address, "worker_timeout": worker_timeout,
    }  # fmt: skip
    more = RunOptions(tuple(measured or ()), tuple(speed or ()), prices, max_cost, tuple(track or ()))
    start(sweep, out, more, placement, dry_run=dry_run, as_json=as_json, table=table)
