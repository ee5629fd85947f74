"""Reads the records of a cell one page after another, also while a run still writes them, and single ones by their place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from parallelbench.errors import UserError
from parallelbench.runs.border import MAX_BYTES, DamagedRun, OtherSchema, check_regular, parse
from parallelbench.runs.cell import Cell
from parallelbench.runs.cell_folder import FAST_RECORDS, RECORDS, CellFolder
from parallelbench.runs.records import RECORD, Record

PAGE = 1 << 20
"""Bytes of a page, unless one line is longer."""


class Place(NamedTuple):
    """Where a record lies in `records.jsonl`: its first byte, and how many, its line end included."""

    offset: int
    size: int


class Page(NamedTuple):
    """Some of the records of a cell.

    Attributes:
        records: each with its place, and with the attributes of a `Record`.
        end: where the next page begins; where this one began if no complete line has followed yet.
        lines: how many lines were read, damaged ones included.
        faults: one sentence for each damaged line; such lines are passed over.
    """

    records: list[tuple[Place, Any]]
    end: int
    lines: int
    faults: list[str]


def read_page(folder: CellFolder, cell: Cell, start: int, number: int, known: set[int]) -> Page:
    """Read complete lines of the records of a cell, those that lie in one page from `start` on.

    Args:
        folder: where the cell lies.
        cell: what it is.
        start: the end of the page before.
        number: the number of the first line, from 1.
        known: indices of the samples of the pages before, to which those of this page are added; a record of a sample that has
            one already is a damaged line.

    Raises:
        DamagedRun: the file is no regular file, or a line is longer than `MAX_BYTES`.
        UserError: it cannot be read.
    """
    path = folder.path / RECORDS
    data = _whole_lines(path, start, number)
    cell_id, prefix = folder.path.name, cell.sample_prefix
    page = Page([], start + len(data), data.count(b"\n"), [])
    for line in data.split(b"\n")[:-1]:
        place = Place(start, len(line) + 1)
        try:
            record = FAST_RECORDS.parse(line, path, number)
            if record.cell != cell_id or record.index in known or record.sample_id != f"{prefix}{record.index}":
                folder.check(record, number, cell, known)
            known.add(record.index)
            page.records.append((place, record))
        except (DamagedRun, OtherSchema) as error:
            page.faults.append(str(error))
        start, number = start + place.size, number + 1
    return page


def _whole_lines(path: Path, start: int, number: int) -> bytes:
    """The complete lines among the bytes of a page; more bytes where the first line is longer than that."""
    if not path.exists() and not path.is_symlink():
        return b""
    check_regular(path)
    size = PAGE
    while True:
        data = read_bytes(path, start, size)
        whole = data[: data.rfind(b"\n") + 1]
        if whole or len(data) < size:
            return whole
        if size >= MAX_BYTES:
            raise DamagedRun(path, f"is longer than {MAX_BYTES >> 20} MB", number)
        size = min(8 * size, MAX_BYTES)


def read_bytes(path: Path, start: int, size: int) -> bytes:
    """Read a part of a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            rest = os.fstat(file.fileno()).st_size - start
            file.seek(start)
            return file.read(max(0, min(size, rest)))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the folder and its permissions.") from error


def read_record(folder: CellFolder, place: Place) -> Record:
    """Read one record.

    Raises:
        DamagedRun: there is none, or it is damaged.
        UserError: the file cannot be read.
    """
    path = folder.path / RECORDS
    check_regular(path)
    return parse(read_bytes(path, *place), RECORD, path)
