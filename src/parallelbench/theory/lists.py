"""Laws of the list operations in which at most one hidden number determines the answer.

Symbols 0..n-1 are the items of the input in their order; symbol n is the new word, where there is one.

* copy, reverse, sort and the three index operations have one right answer (`Deterministic`);
* replace, insert and remove at a random place have one answer for each place r, all equally likely (`PlaceLaw`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from parallelbench.theory.base import Floats, Ints, Law
from parallelbench.theory.table import TableLaw


@final
class Deterministic(Law):
    """One right answer: every entropy is 0, every marginal is certain, whatever the context."""

    exchangeable = True

    def __init__(self, answer: Sequence[int], alphabet: Sequence[str]) -> None:
        self._answer = np.asarray(answer, dtype=np.int64)
        self.alphabet = tuple(alphabet)
        self.positions = len(self._answer)

    @property
    def support_size(self) -> int:
        return 1

    def support(self) -> tuple[Ints, Floats]:
        return self._answer[None].copy(), np.ones(1)

    def sample(self, rng: np.random.Generator, count: int) -> Ints:
        return np.tile(self._answer, (count, 1))

    def log_probabilities(self, contexts: npt.ArrayLike) -> Floats:
        rows = self.contexts(contexts)
        return np.where(((rows < 0) | (rows == self._answer)).all(axis=1), 0.0, -np.inf)

    def marginals_batch(self, contexts: npt.ArrayLike) -> Floats:
        rows = self.contexts(contexts)
        certain = np.arange(len(self.alphabet)) == self._answer[:, None]
        return np.tile(certain.astype(np.float64), (len(rows), 1, 1))

    def entropy_bits(self, positions: tuple[int, ...], given: Ints | None) -> float:
        return 0.0


@final
class PlaceLaw(Law):
    """A hidden place r, uniform over `places`, decides the string: y_i = before_i for i < r, at_i for i = r, after_i for i > r.

    The posterior of r needs one pass over the context, its marginals two cumulative sums: O(places) for each context.
    """

    def __init__(self, places: int, columns: tuple[Ints, Ints, Ints], alphabet: Sequence[str], exchangeable: bool) -> None:
        self._places = places
        self._before, self._at, self._after = columns
        self.alphabet = tuple(alphabet)
        self.positions = len(self._before)
        self.exchangeable = exchangeable

    @property
    def support_size(self) -> int:
        return self._places

    def support(self) -> tuple[Ints, Floats]:
        return self._table.support()

    def sample(self, rng: np.random.Generator, count: int) -> Ints:
        return self._strings(rng.integers(self._places, size=count))

    def log_probabilities(self, contexts: npt.ArrayLike) -> Floats:
        possible = (self._disagreements(self.contexts(contexts)) == 0).sum(axis=1)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log2(possible / self._places), dtype=np.float64)

    def marginals_batch(self, contexts: npt.ArrayLike) -> Floats:
        rows = self.contexts(contexts)
        disagreements = self._disagreements(rows)
        nearest = (disagreements == disagreements.min(axis=1, keepdims=True)).astype(np.int64)
        up_to = np.cumsum(nearest, axis=1)
        total = up_to[:, -1:]
        up_to, at = up_to[:, : self.positions], nearest[:, : self.positions]
        marginals = np.zeros((len(rows), self.positions, len(self.alphabet)))
        position = np.arange(self.positions)
        marginals[:, position, self._before] += (total - up_to) / total
        marginals[:, position, self._at] += at / total
        marginals[:, position, self._after] += (up_to - at) / total
        return marginals

    def entropy_bits(self, positions: tuple[int, ...], given: Ints | None) -> float:
        return self._table.entropy_bits(positions, given)

    def prefix_entropies(self) -> Floats:
        return self._table.prefix_entropies()

    def subset_entropies(self) -> Floats:
        return self._table.subset_entropies()

    @cached_property
    def _table(self) -> TableLaw:
        return TableLaw(self._strings(np.arange(self._places)), alphabet=self.alphabet)

    def _strings(self, places: Ints) -> Ints:
        position, place = np.arange(self.positions), places[:, None]
        return np.where(position < place, self._before, np.where(position == place, self._at, self._after))

    def _disagreements(self, rows: Ints) -> Ints:
        """At how many known positions each place disagrees with each context: [B, places]."""
        known = rows >= 0
        wide = np.zeros((len(rows), self.positions + 1), dtype=np.int64)
        earlier, here, later = wide.copy(), wide.copy(), wide.copy()
        earlier[:, 1:] = np.cumsum(known & (rows != self._before), axis=1)
        here[:, :-1] = known & (rows != self._at)
        later[:, :-1] = np.flip(np.cumsum(np.flip(known & (rows != self._after), axis=1), axis=1), axis=1)
        later[:, :-1] -= known & (rows != self._after)
        return (earlier + here + later)[:, : self._places]


def replace_random(items: Sequence[str], word: str) -> PlaceLaw:
    """One of n items, at random, becomes the word: exchangeable, n strings."""
    n = len(items)
    same = np.arange(n)
    return PlaceLaw(n, (same, np.full(n, n), same), [*items, word], exchangeable=True)


def insert_random(items: Sequence[str], word: str) -> PlaceLaw:
    """The word is before, between or after the n items: n + 1 strings of n + 1 symbols."""
    n = len(items)
    same = np.arange(n + 1)
    before, after = np.minimum(same, n - 1), np.maximum(same - 1, 0)  # the last cannot lie before r, the first not after
    return PlaceLaw(n + 1, (before, np.full(n + 1, n), after), [*items, word], exchangeable=False)


def remove_random(items: Sequence[str]) -> PlaceLaw:
    """One of n items is missing, the others keep their order: n strings of n - 1 symbols."""
    n = len(items)
    same = np.arange(n - 1)
    return PlaceLaw(n, (same, same + 1, same + 1), items, exchangeable=False)
