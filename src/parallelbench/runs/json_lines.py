"""Reads JSON Lines files. A last line without a line end (an interrupted write) is ignored; any other damage is an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from parallelbench.errors import UserError
from parallelbench.runs.border import MAX_BYTES, DamagedRun, has_file, parse, read_bounded

T = TypeVar("T")
TAIL = 1 << 16
"""The number of bytes that are read at once while searching for the last line end."""


def read_lines(path: Path, adapter: TypeAdapter[T]) -> Iterator[tuple[int, T]]:
    """Yield the number (from 1) and the value of each complete line, in file order; nothing if the file does not exist.

    Raises:
        DamagedRun: a complete line is damaged, or the path is not a regular file.
        OtherSchema: a line was written in another version of the schema.
        UserError: the file cannot be read.
    """
    for number, line in whole_lines(path):
        yield number, parse(line, adapter, path, number)


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number (from 1) and the bytes of each complete line; nothing if the file does not exist.

    Raises:
        DamagedRun: the path is not a regular file, or a line is longer than `MAX_BYTES`.
        UserError: the file cannot be read.
    """
    if not has_file(path):
        return
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_BYTES):
                number += 1
                if line.endswith(b"\n"):
                    yield number, line
                elif len(line) == MAX_BYTES:
                    raise DamagedRun(path, f"is longer than {MAX_BYTES >> 20} MB", number)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the folder and its permissions.") from error


def whole_data(path: Path) -> bytes | None:
    """Return the bytes of a file up to its last line end, nothing if it does not exist; None where they are too many at once.

    Raises:
        DamagedRun: the path is not a regular file.
        UserError: the file cannot be read.
    """
    data = read_bounded(path)
    if data is None:
        return b""
    return None if len(data) > MAX_BYTES else data[: data.rfind(b"\n") + 1]


def count_lines(path: Path) -> int:
    """Return how many complete lines a file has.

    Raises:
        DamagedRun, UserError: as `whole_lines`.
    """
    data = whole_data(path)
    return sum(1 for _ in whole_lines(path)) if data is None else data.count(b"\n")


def whole_bytes(path: Path) -> int:
    """Return the number of bytes of a regular file up to and including its last line end, which is where a writer appends."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > 0:
            start = max(0, end - TAIL)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0
