"""A law that is written out: strings and their probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Self, final

import numpy as np
import numpy.typing as npt

from parallelbench.errors import UserError
from parallelbench.theory.base import SUPPORT_LIMIT, Floats, Ints, Law
from parallelbench.theory.noise import NoisyPosterior

_TOLERANCE = 1e-9


@final
class TableLaw(Law):
    """Any finite law. Rows of probability 0 are dropped, equal rows are added up, order is lexicographic."""

    def __init__(
        self, strings: npt.ArrayLike, probabilities: npt.ArrayLike | None = None, alphabet: Sequence[str] | None = None
    ) -> None:  # fmt: skip
        """Take strings [S, n] of symbols and probabilities [S] (None: uniform); `alphabet` names the symbols.

        Raises:
            UserError: the shapes do not fit, a symbol is outside the alphabet, a probability is negative, or they do not sum
                to 1 within 1e-9.
        """
        rows = np.asarray(strings, dtype=np.int64)
        if rows.ndim != 2 or rows.size == 0:
            raise UserError("a law table needs at least one string and one position; give strings as [S, n] symbols.")
        weights = np.full(len(rows), 1.0 / len(rows)) if probabilities is None else np.asarray(probabilities, dtype=np.float64)
        if weights.shape != (len(rows),):
            raise UserError(
                f"the law table has {len(rows)} strings but {weights.size} probabilities; give one for each string."
            )
        if not (weights >= 0).all() or abs(weights.sum() - 1.0) > _TOLERANCE:
            raise UserError(
                f"the probabilities of a law table must be at least 0 and sum to 1, but these sum to {weights.sum():.6g}; "
                "divide them by their sum."
            )
        size = int(rows.max()) + 1 if alphabet is None else len(alphabet)
        if rows.min() < 0 or rows.max() >= size:
            raise UserError(f"a string of the law table has a symbol outside 0..{size - 1}; name all symbols in the alphabet.")
        kept = weights > 0
        self._strings, index = np.unique(rows[kept], axis=0, return_inverse=True)
        summed = np.bincount(index.reshape(-1), weights=weights[kept])
        self._weights = summed / summed.sum()
        self.positions = rows.shape[1]
        self.alphabet = tuple(alphabet) if alphabet is not None else tuple(str(symbol) for symbol in range(size))

    @classmethod
    def of(cls, table: Mapping[Sequence[str], float]) -> Self:
        """Make a law from {sequence of symbol names: probability}; the alphabet is sorted by name.

        Raises:
            UserError: the sequences differ in length, or the probabilities do not sum to 1.
        """
        if len({len(string) for string in table}) != 1:
            raise UserError("the strings of a law table must all have the same length; pad the shorter ones with a symbol.")
        alphabet = sorted({symbol for string in table for symbol in string})
        number = {symbol: i for i, symbol in enumerate(alphabet)}
        return cls([[number[symbol] for symbol in string] for string in table], list(table.values()), alphabet)

    @property
    def support_size(self) -> int:
        return len(self._strings)

    def support(self) -> tuple[Ints, Floats]:
        return self._strings, self._weights

    def sample(self, rng: np.random.Generator, count: int) -> Ints:
        return np.asarray(self._strings[rng.choice(len(self._strings), size=count, p=self._weights)])

    def log_probabilities(self, contexts: npt.ArrayLike) -> Floats:
        rows = self.contexts(contexts)
        step = max(1, (1 << 22) // len(self._strings))
        chunks = (self._agree(rows[start : start + step]) @ self._weights for start in range(0, max(len(rows), 1), step))
        with np.errstate(divide="ignore"):
            logs: Floats = np.log2(np.concatenate(list(chunks)))
        return logs

    def marginals_batch(self, contexts: npt.ArrayLike) -> Floats:
        return self._posterior.marginals(self.contexts(contexts))

    def entropy_bits(self, positions: tuple[int, ...], given: Ints | None) -> float:
        weights = self._weights if given is None else np.where(self._agree(given[None])[0], self._weights, 0.0)
        labels = np.zeros(len(weights), dtype=np.int64)
        for position in positions:
            labels = _refine(labels, *self._columns[position])
        return _entropy(labels, weights / weights.sum())

    def prefix_entropies(self) -> Floats:
        labels, entropies = np.zeros(len(self._weights), dtype=np.int64), [0.0]
        for column, width in self._columns:
            labels = _refine(labels, column, width)
            entropies.append(_entropy(labels, self._weights))
        return np.array(entropies)

    def subset_entropies(self) -> Floats:
        """As in `Law`; sets are refined one position at a time, so each costs one pass over the strings."""
        self.require_subsets()
        entropies = np.zeros(1 << self.positions)
        stack = [(0, 0, np.zeros(len(self._weights), dtype=np.int64))]
        while stack:
            mask, first, labels = stack.pop()
            entropies[mask] = _entropy(labels, self._weights)
            for position in range(first, self.positions):
                finer = _refine(labels, *self._columns[position])
                stack.append((mask | 1 << position, position + 1, finer))
        return entropies

    @cached_property
    def _columns(self) -> list[tuple[Ints, int]]:
        """For each position the symbols of all strings, numbered densely, [S], and how many different ones there are."""
        dense = (np.unique(column, return_inverse=True) for column in self._strings.T)
        return [(index.reshape(-1), len(values)) for values, index in dense]

    @cached_property
    def _posterior(self) -> NoisyPosterior:
        return NoisyPosterior(self._strings, self._weights, len(self.alphabet), epsilon=0.0)

    def _agree(self, rows: Ints) -> npt.NDArray[np.bool_]:
        agree = np.ones((len(rows), len(self._strings)), dtype=np.bool_)
        for position in np.flatnonzero((rows >= 0).any(axis=0)):
            known = rows[:, position, None]
            agree &= (known < 0) | (known == self._strings[:, position])
        return agree


def require_enumerable(what: str, size: int) -> None:
    """Refuse to write out a structured law that has too many strings."""
    if size > SUPPORT_LIMIT:
        many = str(size) if size < 10**9 else f"about 10^{math.log10(size):.0f}"
        raise UserError(
            f"{what} has {many} strings, and at most {SUPPORT_LIMIT} can be enumerated; use a smaller n, or its marginals, "
            "entropies and schedules, which enumerate nothing."
        )


def _refine(labels: Ints, column: Ints, width: int) -> Ints:
    """Split each class of strings by one more column; labels stay dense."""
    codes = labels * width + column
    present = np.zeros((int(labels.max()) + 1) * width, dtype=np.bool_)
    present[codes] = True
    return np.asarray((np.cumsum(present) - 1)[codes], dtype=np.int64)


def _entropy(labels: Ints, weights: Floats) -> float:
    mass = np.bincount(labels, weights=weights)
    mass = mass[mass > 0]
    return max(0.0, -float(mass @ np.log2(mass)))
