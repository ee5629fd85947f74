"""Opens a run folder for writing: it is made or found, checked, and held against other processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError
from parallelbench.runs.border import SCHEMA, read_json
from parallelbench.runs.calls import Call, Environment, Outcome, begin_call, end_call, read_calls
from parallelbench.runs.cell import Cell
from parallelbench.runs.cell_folder import CellFolder
from parallelbench.runs.disk import disk_errors, locked, write_bytes
from parallelbench.runs.folder import CELLS, RUN, RUN_FILE, RunFile
from parallelbench.runs.heartbeat import remove_heartbeat
from parallelbench.runs.times import now


@dataclass(frozen=True, slots=True)
class RunStore:
    """A run folder that this process writes, and the call that it writes for."""

    path: Path
    call: Call

    def cell(self, cell: Cell) -> CellFolder:
        """Return the folder of one cell."""
        return CellFolder(self.path / CELLS / cell.id)


@contextlib.contextmanager
def open_run(
    out: Path, cells: Mapping[str, int], arguments: list[str], resolved: Mapping[str, Any], environment: Environment
) -> Iterator[RunStore]:
    """Make a run folder or add to one, and hold it against other processes as long as the context lasts.

    Args:
        out: the folder.
        cells: the ids of the planned cells, in order, and the planned number of samples of each.
        arguments: the command line as given.
        resolved: the sweep that it came to.
        environment: software and machine.

    Raises:
        UserError: the folder holds files of something else, another process writes it, or it cannot be written.
        OtherSchema: another version wrote it.
    """
    check_folder(out)
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        check_folder(out)
        if not (out / RUN).exists():
            write_bytes(out / RUN, RUN_FILE.dump_json(RunFile(SCHEMA, now()), indent=2) + b"\n")
        call = begin_call(out, arguments, resolved, cells, environment, now())
        outcome: Outcome = "failed"
        try:
            yield RunStore(out, call)
            outcome = "complete"
        except KeyboardInterrupt:
            outcome = "interrupted"
            raise
        finally:
            end_call(out, call, outcome, now())
            remove_heartbeat(out)  # after the end is written, so that nobody takes the call for killed in between


def check_folder(out: Path) -> None:
    """Refuse a folder that is no run; writes nothing.

    Raises:
        UserError: `out` is a file, or holds files of something else.
        DamagedRun: its run.json or the file of a call is damaged.
        OtherSchema: another version wrote it.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give a folder with -o.")
    if (out / RUN).exists():
        read_json(out / RUN, RUN_FILE)
        read_calls(out)
        return
    with disk_errors(out):
        foreign = sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) if out.exists() else []
    if foreign:
        raise UserError(f"{out} holds files that are no run ({foreign[0]}); choose another folder with -o.")
