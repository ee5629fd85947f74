"""A run folder is a collection of cells, to which every call adds. One folder or several are read as one `StoredRun`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from parallelbench.errors import UserError
from parallelbench.runs.border import SCHEMA as SCHEMA
from parallelbench.runs.border import STRICT, Schema, read_json
from parallelbench.runs.calls import Call, read_calls
from parallelbench.runs.cell import Cell
from parallelbench.runs.cell_files import CellFile, Session
from parallelbench.runs.cell_folder import RECORDS, CellFolder
from parallelbench.runs.records import Extent, Record
from parallelbench.runs.short_settings import short_parameters
from parallelbench.specs import render

RUN, CELLS, SUMMARY = "run.json", "cells", "summary.json"


@dataclass(frozen=True, slots=True)
class RunFile:
    """What run.json holds: the version of the layout, and when the folder was made (UTC)."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema
    created: str


RUN_FILE = TypeAdapter(RunFile)


@dataclass(frozen=True, slots=True)
class StoredCell:
    """A cell that lies in one folder or in several, each with a part of its samples or the same ones."""

    folders: tuple[CellFolder, ...]
    files: tuple[CellFile, ...]

    @property
    def cell(self) -> Cell:
        """What it is."""
        return self.files[-1].cell

    @property
    def id(self) -> str:
        """Its id."""
        return self.files[0].id

    @property
    def done_rows(self) -> int:
        """How many samples its DONE files count; 0 where a folder has none."""
        rows = [folder.done_rows() for folder in self.folders]
        return 0 if None in rows else sum(count or 0 for count in rows)

    @property
    def sessions(self) -> list[Session]:
        """What each call did for it."""
        return [session for file in self.files for session in file.sessions]

    def records(self) -> list[tuple[CellFolder, Record]]:
        """Read its records, each with the folder that holds it; a sample that lies in several folders counts once.

        Raises:
            DamagedRun: a file is damaged (`CellFolder.records`).
            UserError: two folders hold different answers for one sample.
        """
        found: dict[int, tuple[CellFolder, Record]] = {}
        for folder in self.folders:
            for record in folder.records(self.cell):
                first = found.setdefault(record.index, (folder, record))
                if first[1] is not record and _answer(first[1]) != _answer(record):
                    raise UserError(
                        f"{record.sample_id} has one result in {first[0].path / RECORDS} and another in "
                        f"{folder.path / RECORDS}; read the folders one by one, and find out what differed between them."
                    )
        return list(found.values())

    def measurements(self) -> list[Any]:
        """Read its records for a table, faster than `records`: values with the attributes of a `Record`.

        Raises:
            DamagedRun, UserError: as `records`.
        """
        if len(self.folders) == 1:
            return self.folders[0].measurements(self.cell)
        return [record for _, record in self.records()]


def _answer(record: Record) -> Record:
    """A record without what differs from run to run."""
    return replace(record, seconds=0.0, trace=Extent(0, 0))


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One folder: its path, its calls, and the cells that have been begun, in the order in which calls planned them."""

    path: Path
    created: str
    calls: tuple[Call, ...]
    cells: tuple[StoredCell, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StoredRun:
    """The cells of one folder, or of several that are read together; `left_out` are the ids that `select` did not choose.

    Two of them are equal only if they are one, so that what follows from a run can be remembered for it.
    """

    folders: tuple[RunFolder, ...]
    cells: tuple[StoredCell, ...]
    left_out: frozenset[str] = frozenset()

    @property
    def calls(self) -> list[Call]:
        """Every call, folder by folder."""
        return [call for folder in self.folders for call in folder.calls]

    @property
    def planned(self) -> dict[str, int]:
        """The ids of all planned cells, begun or not, and the largest number of samples that any call planned for each."""
        found = {cell.id: 1 for cell in self.cells}
        for call in self.calls:
            for cell_id, count in call.cells.items():
                found[cell_id] = max(count, found.get(cell_id, 0))
        return {cell_id: count for cell_id, count in found.items() if cell_id not in self.left_out}

    @property
    def unfinished(self) -> list[str]:
        """The ids of the cells that still miss samples."""
        done = {cell.id: cell.done_rows for cell in self.cells}
        return [cell_id for cell_id, count in self.planned.items() if done.get(cell_id, 0) < count]

    def select(self, tasks: Sequence[str] = (), decoders: Sequence[str] = (), models: Sequence[str] = ()) -> StoredRun:
        """Return the run with the cells alone that some pattern of each kind matches; `*` is any part of a name, none is all.

        Raises:
            UserError: no cell is left.
        """
        facts = [stored.cell.decoder_facts for stored in self.cells]
        settings = [render(one.label, shown) for one, shown in zip(facts, short_parameters(facts), strict=True)]
        kept = tuple(
            stored
            for stored, one, setting in zip(self.cells, facts, settings, strict=True)
            if _matches((stored.cell.task, stored.cell.task_spec), tasks)
            and _matches((stored.cell.decoder, setting, one.family, one.label), decoders)
            and _matches((stored.cell.model, stored.cell.model_facts.spec), models)
        )
        if not kept and self.cells:
            names = sorted({stored.cell.task for stored in self.cells}), sorted(set(settings))
            raise UserError(
                f"no cell of {self.folders[0].path} matches; its tasks are {', '.join(names[0][:5])}, its decoders "
                f"{', '.join(names[1][:5])}."
            )
        return replace(self, cells=kept, left_out=frozenset(cell.id for cell in self.cells) - {cell.id for cell in kept})


def _matches(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def read_run(*paths: Path) -> StoredRun:
    """Read the small files of one run folder or several; the records of a cell are read only when they are needed.

    Raises:
        UserError: a folder holds no run, or one cell has other prompts in another folder.
        DamagedRun: a file is damaged.
        OtherSchema: another version wrote it.
    """
    return joined(*(read_folder(path) for path in dict.fromkeys(paths)))


def joined(*folders: RunFolder) -> StoredRun:
    """Return several folders as one run.

    Raises:
        UserError: one cell has other prompts in another folder.
    """
    found: dict[str, StoredCell] = {}
    for folder in folders:
        for stored in folder.cells:
            before = found.get(stored.id)
            if before is not None and before.files[0].prompt_hash != stored.files[0].prompt_hash:
                raise UserError(
                    f"the prompts of {stored.cell.task} differ between {before.folders[0].path} and {stored.folders[0].path}; "
                    "read the folders one by one."
                )
            found[stored.id] = (
                stored if before is None else StoredCell(before.folders + stored.folders, before.files + stored.files)
            )
    return StoredRun(folders, tuple(found.values()))


def read_folder(out: Path) -> RunFolder:
    """Read the small files of a run folder.

    Raises:
        UserError: it holds no run.
        DamagedRun: one of its files is damaged.
        OtherSchema: another version wrote it.
    """
    if not (out / RUN).exists():
        raise UserError(f"{out} holds no run; give a folder that 'parallelbench run -o' or 'sweep -o' has written.")
    return read_again(RunFolder(out, read_json(out / RUN, RUN_FILE).created, (), ()))


def read_again(folder: RunFolder) -> RunFolder:
    """Return a run folder with the cells that have been begun since it was read; the files of the others are not read again.

    Raises:
        DamagedRun: one of its files is damaged.
        OtherSchema: another version wrote it.
    """
    calls, known = read_calls(folder.path), {stored.id: stored for stored in folder.cells}
    planned = dict.fromkeys(cell_id for call in calls for cell_id in call.cells)
    cells = folder.path / CELLS
    begun = {name: one for name in _folders(cells) if (one := CellFolder(cells / name)).begun or name in known}
    ordered = [
        begun[cell_id] for cell_id in [*(one for one in planned if one in begun), *sorted(begun.keys() - planned.keys())]
    ]
    stored = tuple(known.get(one.path.name) or StoredCell((one,), (one.read(),)) for one in ordered)
    return RunFolder(folder.path, folder.created, calls, stored)


def _folders(place: Path) -> list[str]:
    """The names of the folders in another one, sorted; none where it does not exist."""
    if not place.is_dir():
        return []
    with os.scandir(place) as found:
        return sorted(one.name for one in found if one.is_dir())
