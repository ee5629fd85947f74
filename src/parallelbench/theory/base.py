"""The base class of laws. A law is the exact distribution of a task's right answers, as strings of n symbols.

A string is a row of n integers that index the law's `alphabet`; a *context* is such a row in which some positions are
`UNKNOWN`. All laws have the same methods, whether they are computed from a table of strings or by a formula.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

from parallelbench.errors import UserError

UNKNOWN = -1
SUPPORT_LIMIT = 200_000
SUBSET_LIMIT = 16

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Unit = Literal["bits", "nats"]


class ImpossibleContext(UserError):
    """A conditional on an event of probability 0 was requested."""

    def __init__(self) -> None:
        super().__init__(
            "no string of this law agrees with this context, so nothing can be conditioned on it; ask marginals_batch, "
            "which answers with the nearest strings."
        )


def in_unit(bits: float, unit: Unit) -> float:
    """Convert an amount of information from bits to `unit`."""
    return bits if unit == "bits" else bits * math.log(2.0)


class Law(ABC):
    """A distribution over strings of `positions` symbols of `alphabet`.

    Attributes:
        alphabet: the name of each symbol; symbol a is `alphabet[a]`.
        positions: the length n of every string.
        exchangeable: whether the entropy of a set of positions depends on its size alone.
    """

    alphabet: tuple[str, ...]
    positions: int
    exchangeable: bool = False

    @property
    @abstractmethod
    def support_size(self) -> int:
        """The number of strings of positive probability."""

    @abstractmethod
    def support(self) -> tuple[Ints, Floats]:
        """Return all strings [S, n] and their probabilities [S].

        Raises:
            UserError: there are more than `SUPPORT_LIMIT`.
        """

    @abstractmethod
    def sample(self, rng: np.random.Generator, count: int) -> Ints:
        """Draw strings, [count, n]."""

    @abstractmethod
    def log_probabilities(self, contexts: npt.ArrayLike) -> Floats:
        """Return log2 P(a string agrees with the context) for each row of contexts [B, n]: [B], -inf where impossible."""

    @abstractmethod
    def marginals_batch(self, contexts: npt.ArrayLike) -> Floats:
        """Return P(symbol a at position i) given each row of contexts [B, n]: [B, n, A], each row [A] sums to 1.

        It is defined for *every* context. Where the law allows the context, it is the exact conditional. Elsewhere it is the
        limit, for noise going to 0, of the posterior in which each known symbol was replaced by a uniform one with
        probability epsilon (see `noise`): the law restricted to the strings that disagree with the context at the fewest
        positions. The answer is about the string before the noise, so a known position also has a distribution: its own
        symbol where the context is possible, a doubt where it is not. A symbol outside the alphabet disagrees with all.
        """

    @abstractmethod
    def entropy_bits(self, positions: tuple[int, ...], given: Ints | None) -> float:
        """Return H(positions), or H(positions | given) at that very context; `entropy` has checked both."""

    def marginals(self, context: npt.ArrayLike) -> Floats:
        """Return the exact conditional marginals [n, A] given one context [n].

        Raises:
            ImpossibleContext: no string of the law agrees with it.
        """
        row = self.contexts(context)
        self._require_possible(row)
        marginals: Floats = self.marginals_batch(row)[0]
        return marginals

    def log_probability(self, context: npt.ArrayLike, unit: Unit = "bits") -> float:
        """Return log P(a string agrees with this context); of a complete string, its log-probability."""
        return in_unit(float(self.log_probabilities(self.contexts(context))[0]), unit)

    def entropy(
        self, positions: Iterable[int] | None = None, given: npt.ArrayLike | None = None, unit: Unit = "bits"
    ) -> float:  # fmt: skip
        """Return the joint entropy of a set of positions (None: all), unconditional or given one context [n].

        H(Y_A | context) is meant at that context, not on average over contexts; the average of "given the positions B" is
        entropy(A and B) - entropy(B).

        Raises:
            UserError: a position is outside 0..n-1.
            ImpossibleContext: no string of the law agrees with the context.
        """
        chosen = tuple(range(self.positions)) if positions is None else tuple(sorted(set(positions)))
        if chosen and not 0 <= chosen[0] <= chosen[-1] < self.positions:
            raise UserError(f"positions {list(chosen)} are not all within 0..{self.positions - 1}; leave out the others.")
        if given is None:
            return in_unit(self.entropy_bits(chosen, None), unit)
        row = self.contexts(given)
        self._require_possible(row)
        return in_unit(self.entropy_bits(chosen, row[0]), unit)

    def prefix_entropies(self) -> Floats:
        """Return the entropies in bits of the first 0, 1, ..., n positions: [n + 1]."""
        return np.array([self.entropy_bits(tuple(range(m)), None) for m in range(self.positions + 1)])

    def subset_entropies(self) -> Floats:
        """Return the entropy in bits of every set of positions: [2^n], position i is bit i of the index.

        Raises:
            UserError: the law has more than `SUBSET_LIMIT` positions.
        """
        self.require_subsets()
        masks = range(1 << self.positions)
        if self.exchangeable:
            sizes = np.array([mask.bit_count() for mask in masks])
            return np.asarray(self.prefix_entropies()[sizes], dtype=np.float64)
        return np.array([self.entropy_bits(members(mask), None) for mask in masks])

    def require_subsets(self) -> None:
        """Refuse to go through all sets of positions where there are too many."""
        if self.positions > SUBSET_LIMIT:
            raise UserError(
                f"{self.positions} positions have 2^{self.positions} subsets, and the limit is {SUBSET_LIMIT} positions; use a "
                "smaller n or an exchangeable law (shuffle, replace_random), for which sizes alone are searched."
            )

    def contexts(self, contexts: npt.ArrayLike) -> Ints:
        """Return contexts as [B, n]; one context [n] becomes [1, n].

        Raises:
            UserError: the last axis is not n long.
        """
        rows = np.atleast_2d(np.asarray(contexts, dtype=np.int64))
        if rows.ndim != 2 or rows.shape[1] != self.positions:
            raise UserError(f"a context of this law has {self.positions} positions; give [batch, {self.positions}] symbols.")
        return rows

    def _require_possible(self, rows: Ints) -> None:
        if np.isneginf(self.log_probabilities(rows)).any():
            raise ImpossibleContext


def members(mask: int) -> tuple[int, ...]:
    """Return the positions of a set that is written as bits, ascending."""
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)
