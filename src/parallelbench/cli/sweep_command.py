"""`parallelbench sweep`: a whole experiment from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parallelbench.cli.arguments import Device, Limit, Out


def command(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="Keys: models, tasks, decoders, seeds, limit, ...")],
    out: Out = None,
    limit: Limit = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1, help="In place of the file's.")] = None,
    device: Device = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and list the cells; run and write nothing.")
    ] = False,
) -> None:
    """Run every model on every task with every decoder and seed of a YAML file."""
    from parallelbench.cli.carry_out import carry_out, list_cells
    from parallelbench.experiments.spec import load_sweep

    given = {"limit": limit, "batch_size": batch_size, "device": device}
    sweep = load_sweep(spec).model_copy(update={key: value for key, value in given.items() if value is not None})
    if dry_run:
        list_cells(sweep, out)
    else:
        carry_out(sweep, out)
