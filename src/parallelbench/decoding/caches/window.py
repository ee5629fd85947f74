"""Base of the caches for full attention: keys outside the block being filled are cached, and recomputed at each new block."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.caches.base import NO_COLUMNS, CachedKeys, CacheQuery, InputSpan, SampleCache, whole_row

Window = tuple[int, int]


class WindowCache(SampleCache):
    """Caches the keys of the columns before the window (the block being filled) and, with `suffix`, of those after it.

    Args:
        suffix: cache the columns after the window too, so that a forward computes only the window.
        shift: `ModelInfo.shift` of the model: the output for a column is read `shift` columns to its left.
        repeat: if the first forward on a block fills it completely, run one more forward on that block.
    """

    def __init__(self, suffix: bool, shift: int, repeat: bool = False) -> None:
        self._suffix = suffix
        self._shift = shift
        self._repeat = repeat
        self._span: Window | None = None
        self._keys = CachedKeys()
        self._block: Window | None = None

    def plan(self, query: CacheQuery) -> InputSpan:
        start, end = self._computed(query)
        inside = (query.columns >= start).all() and (query.columns < end).all()
        if self._span == (start, end) and inside and self._keys.match(query.rows):
            self._block = None
            return InputSpan(start, end, NO_COLUMNS, self._keys.past, len(self._keys.columns))
        if not query.is_canvas:
            return whole_row(query.rows.shape[1])
        length = query.rows.shape[1]
        self._block = query.window
        return InputSpan(0, length, np.r_[0:start, end:length], role="refresh")

    def store(self, span: InputSpan, rows: Ints, kept: Any) -> None:
        if len(span.keep):
            outside = np.setdiff1d(np.arange(span.end), span.keep)
            self._span = int(outside[0]), int(outside[-1]) + 1
            self._keys = CachedKeys(kept, span.keep, rows[0, span.keep])

    def repeats(self, window: Window) -> Window | None:
        filled, self._block = self._block, None
        return filled if self._repeat and filled is not None and filled != window else None

    def _computed(self, query: CacheQuery) -> Window:
        """The columns that a forward with cached keys computes; with no mask left, those of the last block."""
        (start, end), length = query.window, query.rows.shape[1]
        if start == length:
            return self._span or (0, length)
        return max(0, start - self._shift), end if self._suffix else length
