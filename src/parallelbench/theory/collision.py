"""Shuffle when the tokens to keep are chosen after the draw: exact for every n, without enumeration.

All open positions are drawn at once; where several drew the same item they collide, and one of them is kept. With m positions
open and every order allowed, let D be the number of different items that are drawn. One position is kept for each of them,
so m - D positions stay open:

$$V(m, T) = \\sum_{d=1}^{m} P(D = d)\\, V(m - d, T - 1),\\qquad P(D = d) = \\binom{m}{d} d!\\, S(m, d) / m^m$$

with S the Stirling numbers of the second kind, V(0, T) = 1 and V(m, 0) = 0. V falls in m and rises in T (docs/theory.md has the
proofs), so keeping as many as possible is optimal and the recursion is the value of `after_draw`.

Where the answer must differ from the given order, a context is *broken* once a kept token is not at its given place; then
every order of what is left is right and V holds. As long as it is unbroken, a position draws its given item with probability
q = ((m - 1)! - 1) / (m! - 1), 0 for a greedy decoder, and each other with (1 - q) / (m - 1).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np

from parallelbench.errors import UserError

FREE_LIMIT = 500
TILT_LIMIT = 60
"""Above this many items q differs from 1/m by less than 1e-80."""


def shuffle_after_draw(n: int, forwards: int, must_differ: bool = False, temperature: float = 1.0) -> float:
    """Return the highest expected accuracy on Shuffle of n items within this many forwards, chosen after the draw.

    Raises:
        UserError: n is out of range, or the temperature is neither 0 nor 1.
    """
    largest = TILT_LIMIT if must_differ else FREE_LIMIT
    if not 1 <= n <= largest or forwards < 1:
        raise UserError(f"n is {n}, and these values are known for 1 to {largest} items and at least one forward.")
    if temperature not in (0.0, 1.0):
        raise UserError(f"the temperature is {temperature:g}, but the values are known at 0 and at 1.")
    return _unbroken(n, forwards, temperature > 0) if must_differ else _free(n, forwards)


def mean_forwards(n: int) -> float:
    """Return the mean number of forwards of the collision rule on Shuffle of n items until the answer is complete.

    It solves E(m) = 1 + sum_d P(D = d) E(m - d); the answer is always right.
    """
    means = [0.0]
    for m in range(1, n + 1):
        chances = distinct_drawn(m)
        means.append(1.0 + sum(chances[d] * means[m - d] for d in range(1, m + 1)))
    return means[n]


@lru_cache(4096)
def distinct_drawn(m: int) -> tuple[float, ...]:
    """P(D = d) for d = 0..m, the number of different items in m uniform draws from m; every term is positive."""
    known = np.arange(m + 1) / m
    chances = np.eye(1, m + 1)[0]
    for _ in range(m):
        chances = chances * known + np.r_[0.0, (chances * (1.0 - known))[:-1]]
    return tuple(chances.tolist())


@lru_cache(65536)
def _free(m: int, forwards: int) -> float:
    if m == 0:
        return 1.0
    if forwards == 0:
        return 0.0
    return min(1.0, sum(chance * _free(m - d, forwards - 1) for d, chance in enumerate(distinct_drawn(m)) if chance))


@lru_cache(65536)
def _unbroken(m: int, forwards: int, draws: bool) -> float:
    """The value with m open positions and every kept token at its place in the input; 0 for m < 2, where nothing can differ."""
    if m < 2 or forwards == 0:
        return 0.0
    total = 0.0
    for given, undrawn, chance in _drawn_unbroken(m, draws):
        breaking = _free(undrawn, forwards - 1) if given < m else 0.0
        staying = max((_unbroken(m - kept, forwards - 1, draws) for kept in range(min(given, m - 2) + 1)), default=0.0)
        total += chance * max(breaking, staying)
    return min(1.0, total)


@lru_cache(256)
def _drawn_unbroken(m: int, draws: bool) -> tuple[tuple[int, int, float], ...]:
    """(positions that drew their given item, items that nobody drew, probability), by inclusion and exclusion.

    All terms are exact fractions.

    Of the R = m - o positions that drew another item, let A be a set of a whose given items nobody drew: a position in A
    has m - a other items to draw from, one outside A m - 1 - a.
    """
    q = Fraction(math.factorial(m - 1) - 1, math.factorial(m) - 1) if draws else Fraction(0)
    other = (1 - q) / (m - 1)
    found = []
    for given in range(m + 1 if draws else 1):
        rest = m - given
        missed = [
            math.comb(m, given) * q**given * ((m - a) * other) ** a * ((m - 1 - a) * other) ** (rest - a)
            for a in range(rest + 1)
        ]
        for undrawn in range(rest + 1):
            chance = sum(
                (-1) ** (a - undrawn) * math.comb(a, undrawn) * math.comb(rest, a) * missed[a] for a in range(undrawn, rest + 1)
            )
            if chance:
                found.append((given, undrawn, float(chance)))
    return tuple(found)
