"""`parallelbench train`: make the models that ship, from nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from parallelbench.cli.terminal import say
from parallelbench.errors import UnknownName


def command(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="tiny, tiny-text, tiny-ar, tiny2 or tiny-ar2; with options: tiny:steps=2000")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the checkpoint; the same command again continues.")],
) -> None:
    """Train a small model that ships, or its second generation.

    The result runs as -m path:OUT (tiny, tiny-text, tiny2) or as -m ar:path=OUT,card=tiny (tiny-ar; card=tiny2 for tiny-ar2).
    """
    from parallelbench.runs.disk import disk_errors
    from parallelbench.specs import build, parse
    from parallelbench.training import causal, tiny
    from parallelbench.training.recipes import CAUSAL_RECIPES, RECIPES
    from parallelbench.training.stages import Recipe

    ways: dict[str, tuple[Callable[[Path, Recipe], Path], Recipe]]
    ways = {name: (partial(tiny.train, shipped=one), one.recipe) for name, one in RECIPES.items()}
    ways |= {name: (partial(causal.train, name=name), one.recipe) for name, one in CAUSAL_RECIPES.items()}
    name, options = parse(recipe)
    if name not in ways:
        raise UnknownName("recipe", name, ways)
    train, defaults = ways[name]
    values = build(Recipe, f"recipe '{name}'", {**defaults.model_dump(), **options})
    with disk_errors(out):
        train(out, values)
    say(str(out))
