"""Sets aside what is damaged in a run folder: it is moved into OUT/damaged/, and nothing is deleted.

What is damaged is what the readers refuse: repair calls the readers, and judges nothing by itself.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from parallelbench.errors import UserError
from parallelbench.runs.border import DamagedRun, parse, read_json
from parallelbench.runs.calls import CALL, call_files
from parallelbench.runs.cell import Cell
from parallelbench.runs.cell_folder import DONE, RECORDS, CellFolder
from parallelbench.runs.disk import disk_errors, locked, write_bytes
from parallelbench.runs.folder import CELLS, RUN, RUN_FILE, SCHEMA, RunFile
from parallelbench.runs.json_lines import whole_lines
from parallelbench.runs.records import RECORD
from parallelbench.runs.scores import SCORES, read_scores
from parallelbench.runs.times import now

DAMAGED = "damaged"


@dataclass(slots=True)
class Repair:
    """What one repair has found: a sentence for each thing that was set aside, and where it lies now."""

    out: Path
    folder: Path
    found: list[str] = field(default_factory=list)

    def set_aside(self, path: Path, what: str) -> None:
        """Move a file or a folder into the folder of damaged things, under the path that it had."""
        target = self._target(path)
        with disk_errors(target):
            shutil.move(path, target)
        self.found.append(f"{path.relative_to(self.out)} {what}")

    def set_lines_aside(self, path: Path, damaged: list[tuple[int, bytes, str]], good: bytes) -> None:
        """Move lines of a file; the others stay in their order."""
        write_bytes(self._target(path), b"".join(line for _, line, _ in damaged))
        write_bytes(path, good)
        self.found += [f"{path.relative_to(self.out)} line {number} {what}" for number, _, what in damaged]

    def _target(self, path: Path) -> Path:
        target = self.folder / path.relative_to(self.out)
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        return target


def repair(out: Path) -> Repair:
    """Set aside everything in a run folder that no reader accepts.

    Raises:
        UserError: the folder is no run, another process writes it, or it cannot be written.
        OtherSchema: another version wrote it.
    """
    if not out.is_dir() or not ((out / RUN).exists() or (out / CELLS).is_dir()):
        raise UserError(f"{out} holds no run; give a folder that 'parallelbench run -o' or 'sweep -o' has written.")
    numbers = [int(path.name) for path in (out / DAMAGED).glob("*") if path.name.isdecimal()]
    work = Repair(out, out / DAMAGED / str(max(numbers, default=0) + 1))
    with locked(out):
        _mend_run_file(work)
        for path in call_files(out):
            try:
                read_json(path, CALL)
            except DamagedRun as damage:
                work.set_aside(path, damage.what)
        for path in sorted((out / CELLS).glob("[!.]*")):
            _mend_cell(work, path)
    return work


def _mend_run_file(work: Repair) -> None:
    path = work.out / RUN
    try:
        read_json(path, RUN_FILE)
    except DamagedRun as damage:
        if path.exists() or path.is_symlink():
            work.set_aside(path, damage.what)
        else:
            work.found.append(f"{RUN} {damage.what}")
        write_bytes(path, RUN_FILE.dump_json(RunFile(SCHEMA, now()), indent=2) + b"\n")


def _mend_cell(work: Repair, path: Path) -> None:
    if not path.is_dir():
        work.set_aside(path, "is no folder of a cell")
        return
    folder = CellFolder(path)
    if not folder.begun:
        return  # a call was killed before it wrote anything
    try:
        cell = folder.read().cell
    except DamagedRun as damage:
        work.set_aside(path, damage.what)
        return
    _mend_records(work, folder, cell)
    _mend_done(work, folder, cell)
    for scores in sorted((path / SCORES).glob("*")):
        try:
            read_scores(scores)
        except DamagedRun as damage:
            work.set_aside(scores, f"line {damage.line} {damage.what}" if damage.line else damage.what)


def _mend_records(work: Repair, folder: CellFolder, cell: Cell) -> None:
    """Set aside the lines of records that are damaged, repeated, of another cell, or without their trace."""
    path = folder.path / RECORDS
    damaged: list[tuple[int, bytes, str]] = []
    good: list[bytes] = []
    found: set[int] = set()
    try:
        for number, line in whole_lines(path):
            try:
                record = parse(line, RECORD, path, number)
                folder.check(record, number, cell, found)
                folder.trace(record)
            except DamagedRun as damage:
                damaged.append((number, line, damage.what))
            else:
                found.add(record.index)
                good.append(line)
    except DamagedRun as damage:
        work.set_aside(path, damage.what)
        return
    if damaged:
        work.set_lines_aside(path, damaged, b"".join(good))


def _mend_done(work: Repair, folder: CellFolder, cell: Cell) -> None:
    """Set aside a DONE that is damaged or counts other samples than there are."""
    path = folder.path / DONE
    if not (path.exists() or path.is_symlink()):
        return
    try:
        folder.records(cell)
    except DamagedRun as damage:
        work.set_aside(path, f"does not count what is there: {damage.path.name} {damage.what}")
