"""block: the cache of block-causal models (Arriola et al., arXiv 2503.09573): finished blocks are kept for good.

The first forward of a block also computes the block before it, because that block's keys must be those of its final tokens; so
no forward is spent on the cache alone. Exact: no later token changes a key of a finished block.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import Attention, ModelInfo
from parallelbench.decoding.caches.base import NO_COLUMNS, Cache, CachedKeys, CacheQuery, InputSpan, SampleCache
from parallelbench.decoding.signals import Role


class Block(Cache):
    """Keep finished blocks."""

    name: ClassVar[str] = "block"
    exact: ClassVar[bool] = True
    attentions: ClassVar[tuple[Attention, ...]] = ("block_causal",)

    def start(self, info: ModelInfo) -> BlockCache:
        return BlockCache(info.block or 1, info.shift)


class BlockCache(SampleCache):
    """Keeps finished blocks of `block` tokens, counted from the start of the prompt."""

    def __init__(self, block: int, shift: int) -> None:
        self._block = block
        self._shift = shift
        self._keys = CachedKeys()

    def plan(self, query: CacheQuery) -> InputSpan:
        keys = self._keys
        done = len(keys.columns)
        start, end = query.window
        last = int(query.columns.max(initial=0))
        end = query.rows.shape[1] if last >= end else end
        if (query.columns < done).any() or not keys.match(query.rows):
            keys, done = CachedKeys(), 0
        finished = start // self._block * self._block - self._shift
        keep = np.arange(done, max(done, finished)) if query.is_canvas else NO_COLUMNS
        refreshed = len(self._keys.columns) > done and query.is_canvas
        role: Role | None = "refresh" if refreshed else "kv_store" if len(keep) else None
        return InputSpan(done, end, keep, keys.past, done, role)

    def store(self, span: InputSpan, rows: Ints, kept: Any) -> None:
        if len(span.keep):
            columns = np.arange(int(span.keep[-1]) + 1)
            self._keys = CachedKeys(kept, columns, rows[0, columns])
