"""The rows of all samples in memory: numbers in one array that grows, and the texts that are searched.

One thread appends, others read: a reader takes `snapshot`, which later appending does not touch.
"""

from __future__ import annotations

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


class Snapshot(NamedTuple):
    """The rows at one moment, and the texts of these and of later rows, in lower case."""

    rows: Table
    texts: Sequence[str]


@dataclass(slots=True)
class Rows:
    """All rows; `count` of those in `table` are in use."""

    table: Table = field(default_factory=lambda: np.zeros(1024, ROW))
    count: int = 0
    texts: list[str] = field(default_factory=list)

    def append(self, rows: Sequence[tuple[Any, ...]], texts: Sequence[str]) -> None:
        """Add rows (in the order of `ROW`) with their texts."""
        end = self.count + len(rows)
        if end > len(self.table):
            larger = np.zeros(max(2 * len(self.table), end), ROW)
            larger[: self.count] = self.table[: self.count]
            self.table = larger
        self.table[self.count : end] = np.array(list(rows), dtype=ROW)
        self.texts += [text[:LONGEST_TEXT].lower() for text in texts]
        self.count = end

    def snapshot(self) -> Snapshot:
        """The rows as they are now."""
        rows = self.table[: self.count]
        return Snapshot(rows, self.texts)


def rows_with(snapshot: Snapshot, words: Sequence[str], among: Bools) -> Bools:
    """Return which of the rows in `among` have a text with every one of the words, in upper or lower case."""
    found, texts = among.copy(), snapshot.texts
    for word in (word.lower() for word in words):
        places = np.flatnonzero(found)
        found[places] = [word in texts[place] for place in places.tolist()]
    return found
