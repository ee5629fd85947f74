"""The layout of a run folder, and its two small files: run.json and cells/<id>/cell.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError

RUN = "run.json"
CELLS = "cells"
CELL = "cell.json"
RECORDS = "records.jsonl"
DONE = "DONE"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run on disk: its path, what run.json says, and the cells that have been started, in the order of the plan."""

    path: Path
    run: Mapping[str, Any]
    cells: tuple[Mapping[str, Any], ...]

    def cell_path(self, cell_id: str) -> Path:
        """The folder of a cell."""
        return self.path / CELLS / cell_id

    def is_done(self, cell_id: str) -> bool:
        """True where the cell's last line has been written."""
        return (self.cell_path(cell_id) / DONE).is_file()


def read_run(out: Path) -> RunFolder:
    """Read the small files of a run folder.

    Raises:
        UserError: the folder holds no run, or one of the files is damaged.
    """
    if not (out / RUN).is_file():
        raise UserError(f"{out} holds no run; give a folder that 'parallelbench run -o' or 'sweep -o' has written.")
    run = read_json(out / RUN, needs=("cells", "resolved"))
    if not isinstance(run["cells"], list) or not all(isinstance(cell_id, str) for cell_id in run["cells"]):
        raise UserError(f"{out / RUN} is damaged; run the same command again in another folder.")
    started = [cell_id for cell_id in run["cells"] if (out / CELLS / cell_id / CELL).is_file()]
    return RunFolder(
        out, run, tuple(read_json(out / CELLS / cell_id / CELL, needs=("metrics", "task_spec")) for cell_id in started)
    )


def read_json(path: Path, needs: Sequence[str] = ()) -> dict[str, Any]:
    """Read a JSON object that has the keys `needs`.

    Raises:
        UserError: the file cannot be read or is damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the folder and its permissions.") from None
    except ValueError:
        value = None
    if not isinstance(value, dict) or not all(value.get(key) not in (None, [], "") for key in needs):
        raise UserError(f"{path} is damaged; delete the folder {path.parent} and run the same command again.")
    return value
