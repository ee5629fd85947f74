"""One joint draw of tokens for positions that hold different tokens: the most probable one, or a sample.

Let p_i(v) be the probability of token v at position i, and E(v) = sum_i p_i(v) <= 1. The matchings of positions with tokens
that have these marginals have, in the Bethe approximation (Vontobel, arXiv 1107.4196; exact on trees), the weights

    product over positions i with token v of w_i(v) = p_i(v) (1 - p_i(v)),   times product over unused tokens v of 1 - E(v).

**The best matching** maximises the sum of ln w_i(y_i) - ln (1 - E(y_i)), a linear assignment problem. Noise of 1e-6 in these
numbers, which is above the rounding of float32, draws one of those that tie; else every position of a uniform law would take
the token of its own index. The best matching may still omit a token that is more likely to be used than not: a new name that
may be at any of n positions has a small p_i(v) at each, but E(v) is the probability that it is at one of them. So a token
with E(v) > 1/2 that no position prefers is assigned first.

**A sample** is drawn one decision after another: which token a position holds, or which position holds a token, always for
the one with the most possibilities. After each the marginals of the rest follow from the weights by belief propagation. The
decision with the most possibilities first cuts loops (where the inserted item is decides everything), so this samples Shuffle
of any order, and Replace, Insert and Remove at a random place, as equally likely as their right answers are. It is no sample
of the law where marginals do not determine it: a Latin square of four rows, or Shuffle that must differ, whose one excluded
order they only hint at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from parallelbench.decoding.decoders.exclusion import Indices, Table

NOISE = 1e-6
TINY = 1e-9  # lower limit of numbers before logarithms and of divisors
FORCED = 1e4  # exceeds every sum of gains, so that these tokens are assigned first
CERTAIN = 1 - 1e-6
SWEEPS = 20


def best_matching(p: Table, uniform: Table) -> Indices:
    """Return the column (token) of each row (position) in the best matching of p [n, m], n <= m.

    `uniform` [n, m] breaks ties.
    """
    unused = np.maximum(1 - p.sum(0), 1e-6)
    gain = np.log(np.maximum(p, TINY)) + np.log(np.maximum(1 - p, 1e-6)) - np.log(unused)
    gain += NOISE * -np.log(-np.log(uniform)) + FORCED * overlooked(p)
    column: Indices = linear_sum_assignment(gain, maximize=True)[1]
    return column


def overlooked(p: Table) -> npt.NDArray[np.bool_]:
    """Return which columns of p [n, m] have a sum above 1/2 and are the most probable column of no row, [m]."""
    preferred = (p >= p.max(1, keepdims=True) - 1e-6).any(0)
    found: npt.NDArray[np.bool_] = ~preferred & (p.sum(0) > 0.5)
    return found


def sampled_matching(p: Table, of_rows: Table, of_columns: Table, temperature: float) -> Indices | None:
    """Return the column of each row in a matching drawn with the marginals p [n, m]; None where a row is left without one.

    Each decision is drawn from its probabilities to the power 1 / temperature, with the uniform number of its row [n] or column
    [m].
    """
    weight = p * np.maximum(1 - p, TINY)
    unused = np.maximum(1 - p.sum(0), TINY)
    rows, columns = np.arange(p.shape[0]), np.arange(p.shape[1])
    chosen, belief = np.full(p.shape[0], -1, dtype=np.intp), p / np.maximum(p.sum(1, keepdims=True), TINY)
    while rows.size and not (belief.max(1) > CERTAIN).all():
        if (belief.max(1) <= TINY).any():
            return None
        open_rows = (belief > 1 - CERTAIN).sum(1) * (belief.max(1) <= CERTAIN)
        open_columns = (belief > 1 - CERTAIN).sum(0)
        if open_columns.max() > open_rows.max():
            column = int(open_columns.argmax())
            odds = np.append(belief[:, column], max(1 - belief[:, column].sum(), 0.0))
            row = _draw(odds, of_columns[columns[column]], temperature)
        else:
            row = int(open_rows.argmax())
            column = _draw(belief[row], of_rows[rows[row]], temperature)
        if row < len(rows):
            chosen[rows[row]] = columns[column]
            rows, weight = np.delete(rows, row), np.delete(weight, row, axis=0)
        columns, weight, unused = np.delete(columns, column), np.delete(weight, column, axis=1), np.delete(unused, column)
        if rows.size > columns.size:
            return None
        if rows.size:
            belief = propagated(weight, unused)
    if rows.size:
        chosen[rows] = columns[belief.argmax(1)]
    return None if (chosen < 0).any() or len(set(chosen.tolist())) < len(chosen) else chosen


def propagated(weight: Table, unused: Table) -> Table:
    """Return the marginals [n, m] of matchings with weights [n, m] and those of unused columns [m], by belief propagation.

    Two rows and two columns that must all be used have two matchings, which are counted: on this loop the propagation would
    prefer the heavier one without end.
    """
    if weight.shape == (2, 2) and (unused <= 1e-6).all():
        odds = np.array([weight[0, 0] * weight[1, 1], weight[0, 1] * weight[1, 0]])
        straight, crossed = odds / max(odds.sum(), TINY**2)
        return np.array([[straight, crossed], [crossed, straight]])
    ratio = weight / np.maximum(weight.sum(1, keepdims=True), TINY)
    belief: Table = ratio
    for _ in range(2 * len(weight) + SWEEPS):
        free = weight / np.maximum(unused + ratio.sum(0) - ratio, TINY)
        total = free.sum(1, keepdims=True)
        before, belief = belief, free / np.maximum(total, TINY)
        ratio = np.minimum(weight / np.maximum(total - free, TINY), 1 / TINY)
        if np.abs(belief - before).max() < TINY:
            break
    return belief


def _draw(odds: Table, uniform: float, temperature: float) -> int:
    """Return an index drawn in proportion to odds to the power 1 / temperature."""
    tempered = (odds / odds.max()) ** (1 / temperature)
    total = tempered.cumsum()
    return int(np.searchsorted(total, uniform * total[-1], side="right"))
