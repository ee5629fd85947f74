"""Merges run folders into a new one. A folder is a collection of cells, so this is a union: of cells, and of their samples."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from parallelbench.errors import UserError
from parallelbench.runs.border import SCHEMA
from parallelbench.runs.calls import CALLS, Call, Environment, write_call
from parallelbench.runs.cell_files import CELL_FILE, DONE_FILE, CellFile, Done
from parallelbench.runs.cell_folder import CELL, DONE, CellFolder
from parallelbench.runs.disk import disk_errors, write_bytes
from parallelbench.runs.folder import CELLS, RUN, RUN_FILE, RunFile, StoredCell, StoredRun, read_run
from parallelbench.runs.heartbeat import life_of, read_heartbeat
from parallelbench.runs.merge_scores import merge_scores
from parallelbench.runs.state import rows_on_disk
from parallelbench.runs.times import now

Numbers = Mapping[tuple[Path, int], int]
"""The number of each call in the merged folder, by its folder and its number there."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What was merged: the number of cells, and how many of them lay in several folders.

    `unfinished` says of each cell that still misses samples which one it is and how many it has.
    """

    cells: int
    shared: int
    unfinished: tuple[str, ...]


def merge(sources: Sequence[Path], out: Path, arguments: Sequence[str], environment: Environment) -> Merged:
    """Merge run folders into a new folder, which is written as a whole or not at all; the sources stay as they are.

    A source whose last call was killed, or has stalled, is merged with the samples that it has on disk.

    Args:
        sources: the folders, at least two.
        out: the new folder; it may exist and be empty.
        arguments: the command line, which is kept as a call of the new folder.
        environment: software and machine.

    Raises:
        UserError: `out` holds something, a source is being written, the sources were made by different versions, or one sample
            or one metric has different results in two of them.
        DamagedRun: a file is damaged.
        OtherSchema: another version wrote a source.
    """
    run = read_run(*sources)
    _check(run, out)
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = out.with_name(f".{out.name}.{os.getpid()}.draft")
        draft.mkdir()
    try:
        with disk_errors(out):
            _write(run, draft, arguments, environment)
            _check_still(run)  # a stalled process may have gone on meanwhile
            unfinished = tuple(_unfinished(read_run(draft)))
            if out.exists():
                out.rmdir()
            draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Merged(len(run.cells), sum(len(stored.folders) > 1 for stored in run.cells), unfinished)


def _check(run: StoredRun, out: Path) -> None:
    """Refuse what cannot be merged.

    Raises:
        UserError: as `merge`.
    """
    if len(run.folders) < 2:
        raise UserError("merge needs at least two run folders; give them, and the new one with -o.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty; name a new folder with -o.")
    for folder in run.folders:
        if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(folder.path)):  # `resolve` fails for a loop of links
            raise UserError(f"{out} lies in {folder.path}, which is merged; name a folder outside with -o.")
    _check_still(run)
    made = {
        call.environment.packages.get("parallelbench", "unknown"): folder for folder in run.folders for call in folder.calls
    }
    if len(made) > 1:
        ways = " and ".join(f"{folder.path} by {version}" for version, folder in sorted(made.items()))
        raise UserError(
            f"these folders were made by different versions of parallelbench ({ways}), so their results may differ; look at "
            "them with 'parallelbench compare' in place of merging them."
        )


def _check_still(run: StoredRun) -> None:
    """Raise `UserError` for a folder that another process is writing."""
    for folder in run.folders:
        last = folder.calls[-1] if folder.calls else None
        if last is not None and last.outcome == "running" and life_of(read_heartbeat(folder.path), last.number) == "running":
            raise UserError(f"{folder.path} is being written by another process; wait until that run ends.")


def _unfinished(run: StoredRun) -> Iterator[str]:
    """Yield for each cell that misses samples what it is, and how many of its samples there are."""
    cells, planned = {stored.id: stored for stored in run.cells}, run.planned
    for cell_id in run.unfinished:
        if cell_id not in cells:
            yield f"{cell_id} (0 of {planned[cell_id]})"
            continue
        cell, rows = cells[cell_id].cell, rows_on_disk(cells[cell_id].folders[0])
        yield f"{cell.model} on {cell.task} with {cell.decoder} ({rows} of {planned[cell_id]})"


def _write(run: StoredRun, out: Path, arguments: Sequence[str], environment: Environment) -> None:
    created = min(folder.created for folder in run.folders)
    write_bytes(out / RUN, RUN_FILE.dump_json(RunFile(SCHEMA, created), indent=2) + b"\n")
    (out / CALLS).mkdir()
    (out / CELLS).mkdir()
    before = [(folder.path, call) for folder in run.folders for call in folder.calls]
    numbers = {(path, call.number): place for place, (path, call) in enumerate(before, 1)}
    for path, call in before:
        write_call(out, replace(call, number=numbers[path, call.number]))
    for stored in run.cells:
        _write_cell(stored, CellFolder(out / CELLS / stored.id), numbers)
    merged = {"merged": [str(folder.path) for folder in run.folders]}
    began = now()
    call = Call(
        number=len(before) + 1, arguments=tuple(arguments), resolved=merged, cells=run.planned, environment=environment,
        started=began, ended=began, outcome="complete",
    )  # fmt: skip
    write_call(out, call)


def _write_cell(stored: StoredCell, target: CellFolder, numbers: Numbers) -> None:
    """Copy a cell that lies in one folder; write the union of its samples where it lies in several."""
    if len(stored.folders) == 1:
        shutil.copytree(stored.folders[0].path, target.path, ignore=shutil.ignore_patterns(".*"))
    else:
        target.path.mkdir()
        _write_samples(stored, target)
    sessions = tuple(
        replace(session, call=numbers.get((folder.path.parent.parent, session.call), session.call))
        for folder, file in zip(stored.folders, stored.files, strict=True)
        for session in file.sessions
    )
    merged: CellFile = replace(stored.files[-1], sessions=sessions)
    write_bytes(target.path / CELL, CELL_FILE.dump_json(merged, indent=2) + b"\n")


def _write_samples(stored: StoredCell, target: CellFolder) -> None:
    first = stored.files[0]
    for folder, file in zip(stored.folders, stored.files, strict=True):
        if file.backends != first.backends:
            raise UserError(
                f"the metrics of {stored.cell.task} were computed by other programs in {folder.path} than in "
                f"{stored.folders[0].path}; look at these folders with 'parallelbench compare' in place of merging them."
            )
    with target.writing(0, 0) as writer:
        for folder, record in stored.records():
            writer.append(record, folder.trace(record))
    if all(folder.is_done for folder in stored.folders):
        write_bytes(target.path / DONE, DONE_FILE.dump_json(Done(SCHEMA, writer.count)) + b"\n")
    merge_scores(stored, target)
