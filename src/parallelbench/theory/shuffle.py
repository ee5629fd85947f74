"""The law of Shuffle: a uniform permutation of n distinct items, or one that differs from the input.

Nothing is enumerated. With f values not yet placed, every unknown position is uniform over them. "Must differ" takes the
identity out: where a context agrees with it, it is one of the f! completions, and its share is subtracted.
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

_EXACT_FACTORIALS = 171  # 170! is the last that fits a float; the share of one in more permutations is 0 in floats


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
        log_probability = np.where(home, *self._log_share[:, known][::-1])
        return np.where(valid, log_probability, -np.inf)

    def marginals_batch(self, contexts: npt.ArrayLike) -> Floats:
        """As in `Law`, in O(n^2) for each context: the size of the answer.

        The nearest permutations keep, for every value seen, one of its c copies (any, equally likely) and fill the other places
        with the f values not seen: prod(c) f! of them. So P(i is a) = 1/f for a value not seen where i is unknown; a known i
        keeps its own value with probability 1/c and else is like an unknown one.
        """
        rows = self.contexts(contexts)
        n = self.positions
        counts = self._counts(rows)
        free = counts == 0
        inside = (rows >= 0) & (rows < n)
        symbol = np.where(inside, rows, 0)
        own = np.where(inside, 1.0 / np.maximum(np.take_along_axis(counts, symbol, axis=1), 1), 0.0)
        uniform = free / np.maximum(free.sum(axis=1, keepdims=True), 1)
        marginals: Floats = (1.0 - own)[:, :, None] * uniform[:, None, :]
        marginals[np.arange(len(rows))[:, None], np.arange(n), symbol] += own
        if self._excluded:
            self._exclude_identity(marginals, rows, counts, free)
        return marginals

    def entropy_bits(self, positions: tuple[int, ...], given: Ints | None) -> float:
        if given is None:
            return _entropy(self.positions, len(positions), self._excluded)
        asked = sum(1 for position in positions if given[position] < 0)
        home = ((given < 0) | (given == np.arange(self.positions))).all()
        return _entropy(int((given < 0).sum()), asked, self._excluded if home else 0)

    def _counts(self, rows: Ints) -> Ints:
        """How often each symbol is seen: [B, n]."""
        n = self.positions
        slots = np.where((rows >= 0) & (rows < n), rows, n) + (n + 1) * np.arange(len(rows))[:, None]
        return np.bincount(slots.reshape(-1), minlength=len(rows) * (n + 1)).reshape(len(rows), n + 1)[:, :n]

    @cached_property
    def _log_share(self) -> Floats:
        """log2 of the share of permutations that agree with m known places: [1] where the identity does, [0] elsewhere."""
        completions = [1]
        for free in range(1, self.positions + 1):
            completions.append(completions[-1] * free)
        whole = math.log2(self.support_size)
        logs = [[math.log2(c - cut) - whole if c > cut else -math.inf for c in reversed(completions)]
                for cut in (0, self._excluded)]  # fmt: skip
        return np.array(logs)

    def _exclude_identity(self, marginals: Floats, rows: Ints, counts: Ints, free: npt.NDArray[np.bool_]) -> None:
        """Take the identity out of those contexts in whose nearest permutations it is, in place."""
        here = np.arange(self.positions)
        nearest = np.flatnonzero((free | (rows == here)).all(axis=1))
        arrangements = np.maximum(counts[nearest], 1).prod(axis=1, dtype=np.float64)
        factorials = np.array([float(math.factorial(f)) for f in range(min(self.positions + 1, _EXACT_FACTORIALS))])
        left = free[nearest].sum(axis=1)
        orders = np.where(left < len(factorials), factorials[np.minimum(left, len(factorials) - 1)], np.inf)
        share = 1.0 / (arrangements * orders)
        alone = share == 1.0
        some, share = nearest[~alone], share[~alone, None]
        marginals[some[:, None], here, here] -= share
        marginals[some] /= (1.0 - share)[:, :, None]
        marginals[nearest[alone]] = _swaps(rows[nearest[alone]])


def _swaps(rows: Ints) -> Floats:
    """Marginals [B, n, n] where only the identity is nearest, which is excluded: the transpositions come next.

    Each row is the identity with at most one position unknown (or foreign): with one, that position takes part in the swap.
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


def _entropy(free: int, asked: int, excluded: int) -> float:
    """Entropy in bits of `asked` of `free` places under a uniform permutation; with one permutation excluded or not."""
    block = math.factorial(free - asked)
    total = math.factorial(free) - excluded
    if not excluded:
        return math.log2(total) - math.log2(block)
    ordinary = math.factorial(free) // block - 1
    entropy = (ordinary * block / total) * (math.log2(total) - math.log2(block)) if ordinary else 0.0
    if block > 1:
        entropy += ((block - 1) / total) * (math.log2(total) - math.log2(block - 1))
    return entropy
