"""Reads a file of lines, each one JSON value: a torn last line is no line yet, any other damage is named by file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from parallelbench.errors import UserError
from parallelbench.runs.border import MAX_BYTES, DamagedRun, check_regular, parse

T = TypeVar("T")
TAIL = 1 << 16


def read_lines(path: Path, adapter: TypeAdapter[T]) -> Iterator[tuple[int, T]]:
    """Yield the number and the value of each whole line, in the order in which they were written; none where there is no file.

    Raises:
        DamagedRun: a line other than a torn last one is damaged, or the file is no regular one.
        OtherSchema: another version wrote a line.
        UserError: the file cannot be read.
    """
    for number, line in whole_lines(path):
        yield number, parse(line, adapter, path, number)


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each whole line; none where there is no file.

    Raises:
        DamagedRun: the file is no regular one, or a line is too long.
        UserError: the file cannot be read.
    """
    if not path.exists() and not path.is_symlink():
        return
    check_regular(path)
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


def whole_bytes(path: Path) -> int:
    """Return the length of a regular file up to its last line end, which is where a writer appends."""
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
