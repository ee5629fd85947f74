"""The rows of all samples in memory: numbers in one array that grows, and texts in pieces that never change.

One thread appends, others read: a reader takes `snapshot`, which later appending does not touch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Table = npt.NDArray[np.void]
ROW = np.dtype(
    [
        ("cell", "i4"), ("folder", "i2"), ("index", "i8"), ("offset", "i8"), ("size", "i4"), ("accuracy", "f4"),
        ("reason", "i4"), ("nfe", "i4"), ("speed", "f4"),
    ]
)  # fmt: skip
"""Cell and folder by number (a cell of -1: the row no longer counts), the place of the record, its accuracy (NaN: unknown),
the number of its set of reasons, nfe (-1: unknown) and content tokens per forward (NaN: unknown)."""
LONGEST_TEXT = 8_192
"""Characters of a text that are searched."""
END = b"\0"


class Texts(NamedTuple):
    """The texts of consecutive rows from `first` on, in lower case, each followed by a zero byte; `starts` are byte offsets."""

    first: int
    starts: npt.NDArray[np.int64]
    data: bytes


class Snapshot(NamedTuple):
    """The rows at one moment, and their texts."""

    rows: Table
    texts: Sequence[Texts]


@dataclass(slots=True)
class Rows:
    """All rows; `count` of those in `table` are in use."""

    table: Table = field(default_factory=lambda: np.zeros(1024, ROW))
    count: int = 0
    texts: list[Texts] = field(default_factory=list)

    def append(self, rows: Sequence[tuple[Any, ...]], texts: Sequence[str]) -> None:
        """Add rows (in the order of `ROW`) with their texts."""
        end = self.count + len(rows)
        if end > len(self.table):
            larger = np.zeros(max(2 * len(self.table), end), ROW)
            larger[: self.count] = self.table[: self.count]
            self.table = larger
        self.table[self.count : end] = np.array(list(rows), dtype=ROW)
        lowered = [searchable(text) for text in texts]
        starts = np.cumsum([0, *(len(one) + 1 for one in lowered)])[:-1]
        self.texts.append(Texts(self.count, starts, b"".join(one + END for one in lowered)))
        self.count = end

    def snapshot(self) -> Snapshot:
        """The rows as they are now."""
        texts, count = tuple(self.texts), self.count
        rows = self.table[:count]
        return Snapshot(rows, [one for one in texts if one.first < len(rows)])


def searchable(text: str) -> bytes:
    """Return the beginning of a text as it is searched: in lower case, without zero bytes."""
    return text[:LONGEST_TEXT].lower().replace("\0", " ").encode("utf-8", "replace")


def rows_with(snapshot: Snapshot, words: Sequence[str], among: Bools) -> Bools:
    """Return which of the rows in `among` have a text with every one of the words, in upper or lower case."""
    found = among.copy()
    for word in words:
        found &= _rows_with(snapshot, searchable(word), found)
    return found


def _rows_with(snapshot: Snapshot, word: bytes, among: Bools) -> Bools:
    found = np.zeros(len(snapshot.rows), dtype=np.bool_)
    pattern = re.compile(re.escape(word) + rb"[^\0]*")  # the rest of the text too, so that each row is found once
    for texts in snapshot.texts:
        if among[texts.first : texts.first + len(texts.starts)].any() and word in texts.data:
            hits = [hit.start() for hit in pattern.finditer(texts.data)]
            found[texts.first + np.searchsorted(texts.starts, hits, side="right") - 1] = True
    return found
