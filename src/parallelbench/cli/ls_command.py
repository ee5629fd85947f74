"""`parallelbench ls`: the runs in a folder, with their state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parallelbench.cli.arguments import AsJson

if TYPE_CHECKING:
    from parallelbench.runs.state import RunState


def command(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where to look, up to four levels deep.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """List run folders with their state.

    Reads only the small files of each run, and writes nothing. 'parallelbench status OUT' says more about one of them.
    """
    from parallelbench.cli.terminal import console, note, say, table_of
    from parallelbench.errors import UserError
    from parallelbench.runs.state import find_runs, read_state

    states: list[RunState] = []
    paths = find_runs(folder)
    for path in paths:
        try:
            states.append(read_state(path))
        except UserError as error:  # one damaged run does not hide the others
            note(str(error))
    if states:
        header = ["folder", "state", "samples", "cells", "model", "tasks", "decoders", "changed (UTC)"]
        console().print(table_of(header, [_row(one) for one in states]))
    else:
        say(f"no runs in {folder}")
    if as_json:
        print(json.dumps({"folder": str(folder), "runs": [as_object(one) for one in states]}))


def as_object(one: RunState) -> dict[str, object]:
    """The state of a run as a JSON object."""
    names = ("state", "planned", "done", "cells", "cells_done", "began", "changed")
    lists = ("models", "tasks", "decoders")
    return {
        "out": str(one.path),
        **{name: getattr(one, name) for name in names},
        **{name: list(getattr(one, name)) for name in lists},
    }


def _row(one: RunState) -> list[str]:
    samples = str(one.done) if one.done == one.planned else f"{one.done} of {one.planned}"
    cells = str(one.cells) if one.cells_done == one.cells else f"{one.cells_done} of {one.cells}"
    names = [_few(one.models), _few(one.tasks), _few(one.decoders)]
    return [str(one.path), one.state, samples, cells, *names, one.changed[:16].replace("T", " ")]


def _few(names: Sequence[str]) -> str:
    """One or two names; of more, the first and the number of the others."""
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} more"
