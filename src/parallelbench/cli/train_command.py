"""`parallelbench train`: train the shipped models from random weights, or fine-tune a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parallelbench.cli.terminal import say


def command(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE", help="A recipe with options: tiny:steps=2000, lora:base=tiny,task=waiting_line/shuffle"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the checkpoint; the same command again continues.")],
) -> None:
    """Train a small model that ships, or fine-tune a checkpoint.

    `parallelbench list recipes` prints their names, `show recipe NAME` its options and how to run the trained model.
    """
    from parallelbench.runs.disk import disk_errors
    from parallelbench.specs import build, parse
    from parallelbench.training import RECIPES

    name, options = parse(recipe)
    entry = RECIPES.get(name)
    way = entry.load()(**entry.preset)
    values = build(way.options, f"recipe '{name}'", {**way.defaults, **options})
    with disk_errors(out):
        way.train(out, values)
    say(str(out))
