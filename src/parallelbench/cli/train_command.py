"""`parallelbench train`: make the model that ships, from nothing."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from parallelbench.cli.exit_codes import INTERRUPTED
from parallelbench.errors import UnknownName


def command(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="tiny, or with options: tiny:steps=2000,seed=1")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the checkpoint; the same command again continues.")],
) -> None:
    """Train a small masked diffusion model on list and puzzle tasks; run it with -m path:OUT."""
    from parallelbench.experiments.disk import disk_errors
    from parallelbench.specs import build, parse
    from parallelbench.training.tiny import Recipe, train

    name, options = parse(recipe)
    if name != "tiny":
        raise UnknownName("recipe", name, ["tiny"])
    values = build(Recipe, "recipe 'tiny'", options)
    try:
        with disk_errors(out):
            train(out, values)
    except KeyboardInterrupt:
        again = shlex.join(["parallelbench", *sys.argv[1:]])
        print(f"interrupted; continue from the last checkpoint with: {again}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    print(out)
