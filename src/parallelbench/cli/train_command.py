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
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="tiny, tiny-text or tiny-ar; with options: tiny:steps=2000")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the checkpoint; the same command again continues.")],
) -> None:
    """Train one of the small models that ship with the package.

    The result runs as -m path:OUT (tiny, tiny-text) or as -m ar:path=OUT,card=tiny (tiny-ar).
    """
    from parallelbench.runs.disk import disk_errors
    from parallelbench.specs import build, parse
    from parallelbench.training import causal, tiny
    from parallelbench.training.recipes import SHIPPED, TINY_AR, Recipe

    ways: dict[str, tuple[Callable[[Path, Recipe], Path], Recipe]]
    ways = {name: (partial(tiny.train, shipped=one), one.recipe) for name, one in SHIPPED.items()}
    ways["tiny-ar"] = (causal.train, TINY_AR.recipe)
    name, options = parse(recipe)
    if name not in ways:
        raise UnknownName("recipe", name, ways)
    train, defaults = ways[name]
    values = build(Recipe, f"recipe '{name}'", {**defaults.model_dump(), **options})
    with disk_errors(out):
        train(out, values)
    say(str(out))
