"""Caches: which columns of a row a forward computes, and which keys and values of earlier forwards it reads.

A `Cache` is a frozen value like a decoder, named by a spec (`prefix`, `dual:compat=authors`). It starts a `SampleCache` for
each sample, which plans each forward (`plan`) and takes what the model kept of it (`store`).

Under full attention every key depends on every token, so keys of earlier forwards are approximate; under block-causal attention
those of finished blocks are exact. Cached keys are used only while the canvas still shows the tokens that they were computed
for: a remask, an edit, a commit outside the window, or a request for a column that would not be computed forces a refresh. A
request for another canvas than the sample's current one computes whole rows then, and nothing of it is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import Attention, ModelInfo
from parallelbench.decoding.signals import Role
from parallelbench.errors import UserError
from parallelbench.specs import Options, render

NO_COLUMNS: Ints = np.empty(0, dtype=np.int64)


class CacheQuery(NamedTuple):
    """One model call of one sample, before the columns that it computes are chosen.

    Attributes:
        rows: token ids of the whole rows, prompt and canvas, [R, L].
        columns: the columns of these rows from which outputs are read, [N].
        window: the columns of the block that is being filled, (start, end).
        is_canvas: True where the row shows the sample's current canvas; False for branches and other canvases.
    """

    rows: Ints
    columns: Ints
    window: tuple[int, int]
    is_canvas: bool


@dataclass(frozen=True, slots=True)
class InputSpan:
    """The columns `start` to `end` of a row that a model call computes.

    Attributes:
        keep: columns whose keys and values the model is to keep.
        past: what the model kept of other columns, in its own form; None where nothing is read.
        cached: how many columns `past` holds.
        role: what the forward is for, in the ledger, where it serves the cache; None where it does not.
    """

    start: int
    end: int
    keep: Ints = field(default_factory=lambda: NO_COLUMNS)
    past: Any = None
    cached: int = 0
    role: Role | None = None


@lru_cache(4096)
def whole_row(length: int) -> InputSpan:
    """All columns of a row of this length; no keys are read or kept."""
    return InputSpan(0, length)


class CachedKeys(NamedTuple):
    """The keys and values kept of one row: the model's object, the columns that it holds, and their tokens at that time."""

    past: Any = None
    columns: Ints = NO_COLUMNS
    tokens: Ints = NO_COLUMNS

    def match(self, rows: Ints) -> bool:
        """True where all rows still show the tokens that the keys were computed for."""
        return bool((rows[:, self.columns] == self.tokens).all())


class SampleCache(ABC):
    """The cache of one sample."""

    @abstractmethod
    def plan(self, query: CacheQuery) -> InputSpan:
        """Return which columns the model is to compute, and which of their keys it is to keep."""

    @abstractmethod
    def store(self, span: InputSpan, rows: Ints, kept: Any) -> None:
        """Take what the model kept of a call with this span of these rows."""

    def repeats(self, window: tuple[int, int]) -> tuple[int, int] | None:
        """Return the block for which one more forward is made although it is full; None in all but `compat` modes.

        `window` are the columns that are filled next.
        """
        return None


class Cache(Options, ABC):
    """A kind of cache with its options."""

    name: ClassVar[str]
    """The name under which it is registered."""
    exact: ClassVar[bool] = False
    """True where tokens and probabilities are those of a run without a cache."""
    attentions: ClassVar[tuple[Attention, ...]]
    """The kinds of attention that it is made for."""

    @abstractmethod
    def start(self, info: ModelInfo) -> SampleCache | None:
        """Make the cache of one sample; None where whole rows are computed and nothing is kept."""

    @property
    def spec(self) -> str:
        """Name and options, as `load_cache` reads them."""
        options = {key: getattr(self, key) for key in type(self).model_fields}
        return render(self.name, {key: value for key, value in options.items() if value is not None})

    def check(self, info: ModelInfo) -> None:
        """Refuse a model that cannot keep such a cache.

        Raises:
            UserError: the model keeps no keys, or has another kind of attention.
        """
        if "cache" not in info.offers:
            raise UserError(f"{info.name} has no keys and values to keep; use cache none.")
        if info.attention not in self.attentions:
            kind = info.attention.replace("_", "-")
            fits = "block" if info.attention == "block_causal" else "prefix or dual"
            raise UserError(f"cache {self.name} does not suit the {kind} attention of {info.name}; use {fits}.")


class NoCache(Cache):
    """Every forward computes whole rows."""

    name: ClassVar[str] = "none"
    exact: ClassVar[bool] = True

    def start(self, info: ModelInfo) -> None:
        return None

    def check(self, info: ModelInfo) -> None:
        """Any model will do."""
