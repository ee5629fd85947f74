"""`parallelbench sweep`: runs an experiment from a YAML file, the user's or one that ships with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.cli.arguments import (
    AllowCode,
    AllowShortCanvas,
    BatchSize,
    DataDir,
    Device,
    Limit,
    System,
    Wordings,
)
from parallelbench.cli.option_groups import with_groups
from parallelbench.cli.run_options import PlacementOptions, RunOptions


@with_groups
def command(
    experiment: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="A YAML file, or a name that 'parallelbench list experiments' prints.")
    ],
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Model in place of those of the file; may be repeated.")
    ] = None,
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
    *,
    where: PlacementOptions,
    options: RunOptions,
) -> None:
    """Run an experiment file: models, tasks, decoders and seeds.

    Every model runs on every task with every decoder and seed. Example: parallelbench sweep quickstart -o out.
    docs/cli.md lists the keys of a file: models, tasks, decoders, ...
    """
    from parallelbench.cli.running import permit, start
    from parallelbench.experiments.spec import Sweep, load_sweep
    from parallelbench.specs import build

    values = {"models": tuple(model) if model else None, "limit": limit, "batch_size": batch_size, "device": device}
    values |= {"suite": suite, "data_dir": data_dir, "allow_short_canvas": allow_short_canvas or None}
    values |= {"wording": ",".join(wording) if wording else None, "system": system}
    changed = {key: value for key, value in values.items() if value is not None}
    sweep = build(Sweep, f"sweep '{experiment}'", {**load_sweep(experiment).model_dump(), **changed})
    permit(allow_code)
    start(sweep, options, where)
