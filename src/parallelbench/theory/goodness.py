"""Whether drawn answers have the distribution of a law: total variation, and Pearson's chi-square test.

Let N answers be drawn, M of them strings of the law. Where the law has at most M / 5 strings, the frequencies of whole strings
are compared with the law, by the chi-square test with S - 1 degrees of freedom for S strings. Where it has more, most strings
are never drawn, and the frequencies of symbols at pairs of positions are compared instead, which contain those at single
positions. The statistics of all pairs are added; because pairs share positions, the sum has no chi-square distribution of
known degrees. It is compared with a scaled chi-square variable that has the mean and the variance of the sum over sets of M
strings drawn from the law itself (Satterthwaite, Biometrics Bulletin 1946).

Total variation counts all N answers, one that is no string of the law as a string of probability 0. Finite samples of a law
are never at distance 0 from it, so the mean distance of N strings drawn from the law itself is returned with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import gammaincc

from parallelbench.theory.base import UNKNOWN, Floats, Ints, Law

SIMULATIONS = 200
"""Sets of strings that are drawn from the law itself."""
PAIRS = 500
"""Above this many pairs of positions, only those whose distance is a power of two are compared."""
EXPECTED = 5
"""The least expected number of answers per string at which whole strings are compared."""


@dataclass(frozen=True, slots=True)
class Goodness:
    """How well drawn answers agree with a law.

    Attributes:
        compared: whether whole strings were compared, or the symbols at pairs of positions.
        total_variation: the distance of the frequencies from the law, 0 to 1; of pairs, the mean over pairs of positions.
        total_variation_of_law: the mean distance of as many strings drawn from the law itself.
        chi_square, degrees: the test statistic among strings of the law and its degrees of freedom (of pairs, scaled).
        p: the probability of a statistic at least as large if the strings were drawn from the law.
    """

    compared: Literal["strings", "pairs"]
    total_variation: float
    total_variation_of_law: float
    chi_square: float
    degrees: float
    p: float


def goodness_of_fit(law: Law, strings: Ints, wrong: int, rng: np.random.Generator) -> Goodness | None:
    """Compare drawn answers with a law.

    Args:
        law: the law.
        strings: the answers that are strings of the law, [M, n].
        wrong: how many further answers are no strings of the law.
        rng: draws the sets of strings of the law itself.

    Returns:
        None where no answer is a string of the law, or the law has one string, which leaves nothing to compare.
    """
    if not len(strings) or law.support_size < 2:
        return None
    table = _Strings(law) if law.support_size * EXPECTED <= len(strings) else _Pairs(law)
    drawn = np.array([table.simulated(rng, len(strings)) for _ in range(SIMULATIONS)])
    variation, statistic = table.distances(strings, wrong)
    of_law = float(drawn[:, 0].mean())
    if isinstance(table, _Strings):
        scale, degrees = 1.0, law.support_size - 1.0
    else:
        mean, variance = float(drawn[:, 1].mean()), float(drawn[:, 1].var(ddof=1))
        scale, degrees = variance / (2.0 * mean), 2.0 * mean**2 / variance
    chi_square = statistic / scale
    p = float(gammaincc(degrees / 2.0, chi_square / 2.0))
    compared: Literal["strings", "pairs"] = "strings" if isinstance(table, _Strings) else "pairs"
    return Goodness(compared, variation, of_law, chi_square, degrees, p)


def expected_distinct(law: Law, count: int) -> float:
    """Return the mean number of different strings among `count` strings drawn from a law of equally likely strings."""
    size = float(law.support_size)
    return float(-size * np.expm1(count * np.log1p(-1.0 / size))) if size > 1 else 1.0


class _Strings:
    """The whole strings of a law."""

    def __init__(self, law: Law) -> None:
        strings, self._expected = law.support()
        self._index = {row.tobytes(): number for number, row in enumerate(strings)}

    def distances(self, strings: Ints, wrong: int) -> tuple[float, float]:
        """Return the total variation and Pearson's statistic of strings [M, n] and `wrong` others."""
        found = [self._index[row.tobytes()] for row in np.ascontiguousarray(strings, dtype=np.int64)]
        return _compare(np.bincount(found, minlength=len(self._expected)), self._expected, wrong, 1)

    def simulated(self, rng: np.random.Generator, count: int) -> tuple[float, float]:
        """Return the same of `count` strings drawn from the law."""
        return _compare(rng.multinomial(count, self._expected), self._expected, 0, 1)


class _Pairs:
    """The symbols at pairs of positions.

    Attributes:
        column: the number of each combination of a pair and two symbols among those that are possible, [P A A]; else -1.
        expected: the probabilities of those that are possible.
    """

    def __init__(self, law: Law) -> None:
        self._law = law
        self._size = len(law.alphabet)
        pairs = _pairs(law.positions)
        self._first, self._second = (np.array(part, dtype=np.int64) for part in zip(*pairs, strict=True))
        table = np.zeros((len(pairs), self._size, self._size))
        single = law.marginals(np.full(law.positions, UNKNOWN))
        for first in np.unique(self._first):
            contexts = np.full((self._size, law.positions), UNKNOWN)
            contexts[:, first] = np.arange(self._size)
            given = law.marginals_batch(contexts)  # [A, n, A]
            at = np.flatnonzero(self._first == first)
            joint = single[first][:, None, None] * given[:, self._second[at], :]
            table[at] = joint.transpose(1, 0, 2)
        possible = table.reshape(-1) > 0
        self.column = np.where(possible, np.cumsum(possible) - 1, -1)
        self.expected = table.reshape(-1)[possible]

    def distances(self, strings: Ints, wrong: int) -> tuple[float, float]:
        """Return the mean total variation over pairs and the sum of Pearson's statistics, of strings [M, n] and others."""
        start = np.arange(len(self._first)) * self._size**2
        codes = start + strings[:, self._first] * self._size + strings[:, self._second]
        count = np.bincount(self.column[codes.reshape(-1)], minlength=len(self.expected))
        return _compare(count, self.expected, wrong, len(self._first))

    def simulated(self, rng: np.random.Generator, count: int) -> tuple[float, float]:
        """Return the same of `count` strings drawn from the law."""
        return self.distances(self._law.sample(rng, count), 0)


def _compare(count: Ints, expected: Floats, wrong: int, tables: int) -> tuple[float, float]:
    """Total variation and Pearson's statistic of counts against probabilities; both are flat, of `tables` tables."""
    right = count.sum() / tables
    whole = right + wrong
    variation = 0.5 * float(np.abs(count / whole - expected).sum()) / tables + 0.5 * wrong / whole
    mean = right * expected
    return float(variation), float(((count - mean) ** 2 / mean).sum())


def _pairs(positions: int) -> Sequence[tuple[int, int]]:
    """Return the pairs of positions that are compared; of one position, that position with itself."""
    if positions == 1:
        return [(0, 0)]
    found = [(i, j) for i in range(positions) for j in range(i + 1, positions)]
    return found if len(found) <= PAIRS else [(i, j) for i, j in found if (j - i).bit_count() == 1]
