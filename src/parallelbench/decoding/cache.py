"""Caches as an axis of a run: which part of a row a forward feeds, and which keys and values of earlier ones it sees.

* prefix (Fast-dLLM, Wu et al., arXiv 2505.22618): at the start of a block the whole row is fed, and the keys and values of
  what stands before the block are kept; until the block is full only the block and what follows are fed.
* dual (the same): what follows the block is kept as well, and only the block is fed.
* block, for block-causal models: finished blocks are kept for good; the first forward of a block feeds the block before it
  too, which stores it.

Under full attention every key depends on every token, so prefix and dual are approximate after the forward that refreshed
them; block is exact. A kept token that is no longer what the canvas shows (a remask, an edit, a commit outside the window), or
a question about a place that is not fed, forces a refresh; another canvas than the sample's own is then fed whole, and nothing
of it is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.signals import Role
from parallelbench.schema import CacheKind

EXACT: frozenset[CacheKind] = frozenset({"none", "block"})


class Question(NamedTuple):
    """What a forward is asked: whole rows [R, L], the columns whose outputs are read, the window's columns, whose canvas."""

    rows: Ints
    columns: Ints
    window: tuple[int, int]
    own: bool


@dataclass(frozen=True, slots=True)
class Feed:
    """Columns `start` to `end` of a row are fed.

    `keep` are the columns whose keys and values are to be kept; `past` is what is kept of `seen` other columns; `role` says
    what the forward does for the cache, None where nothing.
    """

    start: int
    end: int
    keep: Ints
    past: Any = None
    seen: int = 0
    role: Role | None = None


class RowCache(ABC):
    """One sample's cache: answers each question with a feed, and is handed what the model kept."""

    @abstractmethod
    def feed(self, question: Question) -> Feed:
        """Return what to feed."""

    @abstractmethod
    def store(self, feed: Feed, rows: Ints, kept: Any) -> None:
        """Take what the model kept of a feed of these rows."""


class NoCache(RowCache):
    """Feeds whole rows, keeps nothing."""

    def feed(self, question: Question) -> Feed:
        return _whole(question)

    def store(self, feed: Feed, rows: Ints, kept: Any) -> None:
        """Nothing is kept."""


class WindowCache(RowCache):
    """Keeps what stands outside the window (`dual`), or only what stands before it. `shift` is the model's."""

    def __init__(self, dual: bool, shift: int) -> None:
        self._dual = dual
        self._shift = shift
        self._span: tuple[int, int] | None = None
        self._memory = Memory()

    def feed(self, question: Question) -> Feed:
        start, end = self._open(question)
        inside = (question.columns >= start).all() and (question.columns < end).all()
        if self._span == (start, end) and inside and self._memory.agrees(question.rows):
            return Feed(start, end, _nothing(), self._memory.past, len(self._memory.columns))
        if not question.own:
            return _whole(question)
        length = question.rows.shape[1]
        return Feed(0, length, np.r_[0:start, end:length], role="refresh")

    def store(self, feed: Feed, rows: Ints, kept: Any) -> None:
        if len(feed.keep):
            outside = np.setdiff1d(np.arange(feed.end), feed.keep)
            self._span = int(outside[0]), int(outside[-1]) + 1
            self._memory = Memory(kept, feed.keep, rows[0, feed.keep])

    def _open(self, question: Question) -> tuple[int, int]:
        """The columns that are fed every time; with no mask left, those of the last block."""
        (start, end), length = question.window, question.rows.shape[1]
        if start == length:
            return self._span or (0, length)
        return max(0, start - self._shift), end if self._dual else length


class BlockCache(RowCache):
    """Keeps finished blocks of `block` tokens, counted from the start of the prompt."""

    def __init__(self, block: int, shift: int) -> None:
        self._block = block
        self._shift = shift
        self._memory = Memory()

    def feed(self, question: Question) -> Feed:
        memory = self._memory
        done = len(memory.columns)
        start, end = question.window
        last = int(question.columns.max(initial=0))
        end = question.rows.shape[1] if last >= end else end
        if (question.columns < done).any() or not memory.agrees(question.rows):
            memory, done = Memory(), 0
        finished = start // self._block * self._block - self._shift
        keep = np.arange(done, max(done, finished)) if question.own else _nothing()
        refreshed = len(self._memory.columns) > done and question.own
        role: Role | None = "refresh" if refreshed else "kv_store" if len(keep) else None
        return Feed(done, end, keep, memory.past, done, role)

    def store(self, feed: Feed, rows: Ints, kept: Any) -> None:
        if len(feed.keep):
            columns = np.arange(int(feed.keep[-1]) + 1)
            self._memory = Memory(kept, columns, rows[0, columns])


class Memory(NamedTuple):
    """What is kept of a row: the model's own object, the columns it holds, and the tokens that stood there."""

    past: Any = None
    columns: Ints = np.empty(0, dtype=np.int64)
    tokens: Ints = np.empty(0, dtype=np.int64)

    def agrees(self, rows: Ints) -> bool:
        """True where all rows show the tokens that were kept."""
        return bool((rows[:, self.columns] == self.tokens).all())


def make_cache(kind: CacheKind, info: ModelInfo) -> RowCache:
    """Make one sample's cache."""
    if kind == "none":
        return NoCache()
    return BlockCache(info.block or 1, info.shift) if kind == "block" else WindowCache(kind == "dual", info.shift)


def _whole(question: Question) -> Feed:
    return Feed(0, question.rows.shape[1], _nothing())


def _nothing() -> Ints:
    return np.empty(0, dtype=np.int64)
