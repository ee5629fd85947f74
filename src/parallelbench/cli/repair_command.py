"""`parallelbench repair`: sets aside what is damaged in a run folder, and converts a folder of an earlier layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(out: Annotated[Path, typer.Argument(metavar="OUT", help="A run folder.")]) -> None:
    """Set aside damage in a run folder, or convert an old one.

    Says what is damaged and moves it into OUT/damaged; nothing is deleted. The command of the run then decodes again only what
    is missing. A folder of an earlier layout (schema 1 or 2) is converted; its files are kept in OUT/schema1 or OUT/schema2.
    """
    from parallelbench.cli.terminal import say
    from parallelbench.experiments.convert import convert, earlier_schema
    from parallelbench.runs.repair import repair

    if (found := earlier_schema(out)) is not None:
        say(f"converted {convert(out)} cells; the earlier files are kept in {out / f'schema{found}'}")
    done = repair(out)
    for line in done.found:
        say(line)
    if done.found:
        say(f"set aside in {done.folder}; the command of the run decodes again what is missing now")
    else:
        say(f"{out} is not damaged")
