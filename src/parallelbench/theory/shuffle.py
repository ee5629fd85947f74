"""The law of Shuffle: a uniform permutation of n distinct items, or one that differs from the input.

Nothing is enumerated. With f values not yet placed, every unknown position is uniform over them. `must_differ` excludes the
identity: where a context agrees with it, it is one of the f! completions, and its probability is subtracted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from parallelbench.errors import UserError
from parallelbench.theory.base import Floats, Ints, Law
from parallelbench.theory.table import require_enumerable

_EXACT_FACTORIALS = 171  # 170! is the largest factorial that a float can hold; for more, 1 / n! is treated as 0


@final
class Shuffle(Law):
    """Uniform over the permutations of 0..n-1; without the identity if `must_differ`. Exchangeable either way."""

    exchangeable = True

    def __init__(self, items: Sequence[str], must_differ: bool = False) -> None:
        """Take the names of the items; symbol i is item i.

        Raises:
            UserError: one item must differ from itself.
        """
        if must_differ and len(items) < 2:
            raise UserError("one item cannot be shuffled into a different order; give at least two, or allow the same order.")
        self.alphabet = tuple(items)
        self.positions = len(items)
        self._excluded = int(must_differ)

    @property
    def support_size(self) -> int:
        return math.factorial(self.positions) - self._excluded

    def support(self) -> tuple[Ints, Floats]:
        require_enumerable(f"shuffle of {self.positions} items", self.support_size)
        rows = np.array(list(itertools.permutations(range(self.positions))), dtype=np.int64)[self._excluded :]
        return rows, np.full(len(rows), 1.0 / len(rows))

    def sample(self, rng: np.random.Generator, count: int) -> Ints:
        identity = np.arange(self.positions)
        rows = rng.permuted(np.tile(identity, (count, 1)), axis=1)
        while self._excluded and (same := (rows == identity).all(axis=1)).any():
            rows[same] = rng.permuted(rows[same], axis=1)
        return rows

    def log_probabilities(self, contexts: npt.ArrayLike) -> Floats:
        rows = self.contexts(contexts)
        counts = self._counts(rows)
        known = (rows >= 0).sum(axis=1)
        valid = ((counts > 0).sum(axis=1) == known) & (rows < self.positions).all(axis=1)
        home = ((rows < 0) | (rows == np.arange(self.positions))).all(axis=1)
        log_probability = np.where(home, *self._log_agreement[:, known][::-1])
        return np.where(valid, log_probability, -np.inf)

    def marginals_batch(self, contexts: npt.ArrayLike) -> Floats:
        """As in `Law`; takes O(n^2) time for each context, which is the size of the result.

        If a value occurs c times in a context, the nearest permutations keep any one of its c copies, with equal probability,
        and fill the other positions with the f values that do not occur; there are prod(c) f! such permutations. So an unknown
        position has each of these f values with probability 1/f, and a known position keeps its value with probability 1/c and
        is otherwise distributed like an unknown one.
        """
        rows = self.contexts(contexts)
        n = self.positions
        counts = self._counts(rows)
        free = counts == 0
        inside = (rows >= 0) & (rows < n)
        symbol = np.where(inside, rows, 0)
        kept = np.where(inside, 1.0 / np.maximum(np.take_along_axis(counts, symbol, axis=1), 1), 0.0)
        uniform = free / np.maximum(free.sum(axis=1, keepdims=True), 1)
        marginals: Floats = (1.0 - kept)[:, :, None] * uniform[:, None, :]
        marginals[np.arange(len(rows))[:, None], np.arange(n), symbol] += kept
        if self._excluded:
            self._exclude_identity(marginals, rows, counts, free)
        return marginals

    def entropy_bits(self, positions: tuple[int, ...], given: Ints | None) -> float:
        if given is None:
            return _entropy(self.positions, len(positions), self._excluded)
        chosen = sum(1 for position in positions if given[position] < 0)
        home = ((given < 0) | (given == np.arange(self.positions))).all()
        return _entropy(int((given < 0).sum()), chosen, self._excluded if home else 0)

    def _counts(self, rows: Ints) -> Ints:
        """How often each symbol is seen: [B, n]."""
        n = self.positions
        slots = np.where((rows >= 0) & (rows < n), rows, n) + (n + 1) * np.arange(len(rows))[:, None]
        return np.bincount(slots.reshape(-1), minlength=len(rows) * (n + 1)).reshape(len(rows), n + 1)[:, :n]

    @cached_property
    def _log_agreement(self) -> Floats:
        """log2 P(a permutation agrees with m known positions): row 1 if the identity agrees with them too, else row 0."""
        completions = [1]
        for free in range(1, self.positions + 1):
            completions.append(completions[-1] * free)
        whole = math.log2(self.support_size)
        logs = [[math.log2(c - cut) - whole if c > cut else -math.inf for c in reversed(completions)]
                for cut in (0, self._excluded)]  # fmt: skip
        return np.array(logs)

    def _exclude_identity(self, marginals: Floats, rows: Ints, counts: Ints, free: npt.NDArray[np.bool_]) -> None:
        """Exclude the identity, in place, from the marginals of contexts for which it is one of the nearest permutations."""
        here = np.arange(self.positions)
        nearest = np.flatnonzero((free | (rows == here)).all(axis=1))
        arrangements = np.maximum(counts[nearest], 1).prod(axis=1, dtype=np.float64)
        factorials = np.array([float(math.factorial(f)) for f in range(min(self.positions + 1, _EXACT_FACTORIALS))])
        left = free[nearest].sum(axis=1)
        orders = np.where(left < len(factorials), factorials[np.minimum(left, len(factorials) - 1)], np.inf)
        probability = 1.0 / (arrangements * orders)
        alone = probability == 1.0
        some, probability = nearest[~alone], probability[~alone, None]
        marginals[some[:, None], here, here] -= probability
        marginals[some] /= (1.0 - probability)[:, :, None]
        marginals[nearest[alone]] = _swaps(rows[nearest[alone]])


def _swaps(rows: Ints) -> Floats:
    """Marginals [B, n, n] for contexts whose only nearest permutation is the identity, which is excluded.

    They are those of a uniform transposition. Each row is the identity with at most one position that is unknown or has a
    symbol outside the alphabet; if there is one, the transposition includes it.
    """
    n = rows.shape[1]
    here = np.arange(n)
    marginals = np.broadcast_to(
        np.where(np.eye(n, dtype=np.bool_), 1.0 - 2.0 / n, 2.0 / (n * (n - 1))), (len(rows), n, n)
    ).copy()
    for row, hole in zip(*np.nonzero(rows != here), strict=True):
        one = np.zeros((n, n))
        one[here, here] = (n - 2) / (n - 1)
        one[:, hole] = one[hole, :] = 1.0 / (n - 1)
        one[hole, hole] = 0.0
        marginals[row] = one
    return marginals


def _entropy(free: int, chosen: int, excluded: int) -> float:
    """Entropy in bits of `chosen` of `free` positions under a uniform permutation, with `excluded` (0 or 1) excluded."""
    block = math.factorial(free - chosen)
    total = math.factorial(free) - excluded
    if not excluded:
        return math.log2(total) - math.log2(block)
    ordinary = math.factorial(free) // block - 1
    entropy = (ordinary * block / total) * (math.log2(total) - math.log2(block)) if ordinary else 0.0
    if block > 1:
        entropy += ((block - 1) / total) * (math.log2(total) - math.log2(block - 1))
    return entropy
