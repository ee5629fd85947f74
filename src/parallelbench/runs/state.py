"""How far a run folder is: its state, its samples on disk, and what it holds by name. Reads files only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parallelbench.errors import UserError
from parallelbench.runs.cell_folder import RECORDS, CellFolder
from parallelbench.runs.folder import RUN, StoredRun, read_run
from parallelbench.runs.heartbeat import Heartbeat, life_of, read_heartbeat
from parallelbench.runs.undecoded import undecoded_of_last_call

State = Literal["running", "stalled", "killed", "complete", "interrupted", "failed", "unfinished", "empty"]
CHUNK = 1 << 20
DEEPEST = 4
MOST_FOLDERS = 20_000
"""How deep, and in how many folders, `find_runs` looks."""


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run folder is.

    Attributes:
        path: the folder.
        state: of the last call. "stalled": its process exists and has given no sign of life for a minute; "unfinished": it
            ended well, and cells of an earlier call still miss samples.
        planned, done: samples that calls planned, and how many of them are on disk.
        cells, cells_done: cells that calls planned, and how many of them are complete.
        models, tasks, decoders: their names, in the order of the plan.
        failed: samples that the last call gave up, because they could not be decoded.
        began, changed: when the folder was made, and when its last call began or ended (UTC).
        beat: the sign of life of a call that goes on or was killed.
    """

    path: Path
    state: State
    planned: int
    done: int
    cells: int
    cells_done: int
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    decoders: tuple[str, ...]
    failed: int
    began: str
    changed: str
    beat: Heartbeat | None


def read_state(out: Path) -> RunState:
    """Look at a run folder.

    Raises:
        UserError: it holds no run.
        DamagedRun: one of its small files is damaged.
        OtherSchema: another version wrote it.
    """
    run = read_run(out)
    folder, planned, unfinished = run.folders[0], run.planned, run.unfinished
    done = {stored.id: rows_on_disk(stored.folders[0]) for stored in run.cells}
    cells = [stored.cell for stored in run.cells]
    last = folder.calls[-1] if folder.calls else None
    beat = read_heartbeat(out)
    return RunState(
        path=out,
        state=_state(run, beat),
        planned=sum(planned.values()),
        done=sum(min(count, done.get(cell_id, 0)) for cell_id, count in planned.items()),
        cells=len(planned),
        cells_done=len(planned) - len(unfinished),
        models=tuple(dict.fromkeys(cell.model_facts.spec for cell in cells)),
        tasks=tuple(dict.fromkeys(cell.task for cell in cells)),
        decoders=tuple(dict.fromkeys(cell.decoder for cell in cells)),
        failed=len(undecoded_of_last_call(out)),
        began=folder.created,
        changed=folder.created if last is None else last.ended or last.started,
        beat=beat,
    )


def _state(run: StoredRun, beat: Heartbeat | None) -> State:
    calls = run.calls
    if not calls:
        return "unfinished" if run.cells else "empty"
    last = calls[-1]
    if last.outcome == "running":
        return life_of(beat, last.number)
    if not run.unfinished:
        return "complete"
    return "unfinished" if last.outcome == "complete" else last.outcome


def rows_on_disk(folder: CellFolder) -> int:
    """Return how many samples a cell has on disk: what DONE counts, else the number of line ends.

    Raises:
        DamagedRun: DONE is damaged.
    """
    done = folder.done_rows()
    path = folder.path / RECORDS
    if done is not None or not path.is_file():
        return done or 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))


def find_runs(folder: Path) -> list[Path]:
    """Return the run folders in a folder, itself included, up to four levels deep; hidden folders are left out.

    Raises:
        UserError: there is no such folder, or it holds more folders than are looked at.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give one that holds run folders.")
    found: list[Path] = []
    for number, path in enumerate(_folders(folder), 1):
        if number > MOST_FOLDERS:
            raise UserError(f"{folder} holds more than {MOST_FOLDERS} folders; give one further down.")
        if (path / RUN).is_file():
            found.append(path)
    return sorted(found)


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and those in it, without the insides of run folders."""
    for place, names, files in os.walk(folder):
        path = Path(place)
        deep = len(path.relative_to(folder).parts) >= DEEPEST
        names[:] = [] if deep or RUN in files else sorted(name for name in names if not name.startswith("."))
        yield path
