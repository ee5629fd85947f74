"""Accuracy in closed form: the formulas, one for each task, and what a step commits.

Setting of all of them (paper, section 4.2): the model's marginals are exact, a step draws its tokens independently of each
other, equal probabilities are ranked and chosen at random. `docs/theory.md` derives what the paper does not give. Confidence is
the model's probability of the token that was drawn, so at temperature 1 its order depends on the draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from parallelbench.theory.correlation import latin_squares

# What a step commits: (number of positions with the higher confidence, it, number with the lower one, it) -> count.
Quota = Callable[[int, float, int, float], int]


def schedule(sizes: Sequence[int]) -> Quota:
    """The sizes of a schedule, whatever the confidences; 1 at numbers of unknown positions that it never reaches."""
    unknown = sum(sizes)
    size_at: dict[int, int] = {}
    for size in sizes:
        size_at[unknown] = size
        unknown -= size
    return lambda higher, _, lower, __: size_at.get(higher + lower, 1)


def threshold(gamma: float) -> Quota:
    """Every position whose confidence is at least gamma (Fast-dLLM, arXiv 2505.22618)."""
    return lambda higher, high, lower, low: higher * (high >= gamma) + lower * (low >= gamma)


def factor(f: float) -> Quota:
    """The largest j with (j + 1)(1 - c_(j)) < f, c_(j) the j-th highest confidence (Fast-dLLM, arXiv 2505.22618)."""

    def count(higher: int, high: float, lower: int, low: float) -> int:
        for j in range(higher + lower, 0, -1):
            if (j + 1) * (1.0 - (high if j <= higher else low)) < f:
                return j
        return 0

    return count


def shuffle(n: int, quota: Quota) -> float:
    """Acc = prod_t P(m_t, s_t) / m_t^s_t, m_t unknown before step t, P(m, s) = m!/(m-s)!; any order, any temperature.

    All confidences are 1/m, so a threshold above 1/2 is one by one. With k a step (paper, equation 4; the last step may be
    smaller): k = 1 gives 1, k = 2 gives (n-1)!! / n!! -> 0, k = n gives n! / n^n -> 0.
    """
    accuracy = 1.0
    while n:
        size = min(n, max(1, quota(n, 1.0 / n, 0, 0.0)))
        accuracy *= math.prod((n - taken) / n for taken in range(size))
        n -= size
    return accuracy


def replace_random(n: int, quota: Quota, ranked: bool, greedy: bool) -> float:
    """The accuracy A(n) of Replace Random; the new item is drawn at each of m unknown positions with probability q.

    q = 1/m at temperature 1. Greedy: 0 for m > 2, 1/2 for m = 2 (a tie), 1 for m = 1. Until the new item is written:

    * If the s of m positions are chosen independently of the draw (random, margin, entropy, left to right),
      A(m) = (1-q)^s A(m-s) + s q (1-q)^(s-1), A(0) = 0.
    * If positions are ranked by the confidence of the draw (confidence, threshold, factor), the K ~ Bin(m, 1-q) positions that
      drew the item of the input come first, s = s(K): A(m) = sum_K P(K) [s <= K: A(m-s); s = K + 1: 1; else 0].

    Greedy, k positions per step: only the last step counts; Acc = 1, 1/2, 0 for one, two, more positions in it (paper,
    equation 5, where k divides n). Temperature 1, one step: ((n-1)/n)^(n-1) -> 1/e (paper). Greedy threshold, n > 2: 0 if
    (n-1)/n >= gamma, else 1 (paper; for a confidence of exactly gamma we follow the published code).
    """
    accuracy = [0.0]
    for m in range(1, n + 1):
        q = 1.0 / m if m <= 2 or not greedy else 0.0
        step = _ranked_step if ranked else _draw_independent_step
        accuracy.append(step(m, q, quota, accuracy))
    return min(1.0, accuracy[n])


def _draw_independent_step(m: int, q: float, quota: Quota, accuracy: Sequence[float]) -> float:
    size = min(m, max(1, quota(m, 1.0 - q, 0, 0.0)))
    return float((1.0 - q) ** size * accuracy[m - size] + size * q * (1.0 - q) ** (size - 1))


def _ranked_step(m: int, q: float, quota: Quota, accuracy: Sequence[float]) -> float:
    if q == 1.0:
        return 1.0
    terms = []
    probability = (1.0 - q) ** m  # of keeps = m; from there down, so that no factor underflows for large m
    for keeps in range(m, -1, -1):
        size = min(m, max(1, quota(keeps, 1.0 - 1.0 / m, m - keeps, 1.0 / m)))
        valid = accuracy[m - size] if size <= keeps else float(size == keeps + 1)
        terms.append(probability * valid)
        probability *= keeps / (m - keeps + 1) * q / (1.0 - q)
    return math.fsum(terms)


def shuffle_must_differ_at_once(n: int, greedy: bool) -> float:
    """Accuracy of one step of Shuffle with `must_differ`; D_j is the number of derangements of j items.

    A position has the item that the input has there with probability a = ((n-1)! - 1) / (n! - 1), and each other item with
    b = (n-1)! / (n! - 1), so Acc = sum_{j<n} C(n, j) D_{n-j} a^j b^{n-j}. Greedy never takes the input's item: D_n / (n-1)^n.
    """
    if greedy:
        return float(derangements(n) / (n - 1) ** n)
    answers, ordinary = math.factorial(n) - 1, math.factorial(n - 1)
    ways = (math.comb(n, j) * derangements(n - j) * (ordinary - 1) ** j * ordinary ** (n - j) for j in range(n))
    return float(sum(ways) / answers**n)


def insert_random_at_once(n: int, greedy: bool) -> float:
    """One step of Insert Random: n! 2^n / (n+1)^(n+1) -> 0.

    Sum over the n + 1 places r of the product of marginals, (m-1)!^2 / ((m-1-r)! r!) / m^m with m = n + 1. Greedy takes left
    items up to the middle, then right ones, so the new item is never written for n > 2; ties give 1/2 and 1/3 for n = 1, 2.
    """
    if greedy:
        return {1: 1 / 2, 2: 1 / 3}.get(n, 0.0)
    return float(math.factorial(n) * 2**n / (n + 1) ** (n + 1))


def remove_random_at_once(n: int) -> float:
    """One step of Remove Random at temperature 1: (n-1)! 2^(n-1) / n^(n-1) -> 0, the sum over the n removed items."""
    return float(math.factorial(n - 1) * 2 ** (n - 1) / n ** (n - 1))


def latin_square_at_once(n: int) -> float:
    """One step of an n x n Latin square: L(n) / n^(n^2), any temperature: every cell is uniform; 1.3e-7 for n = 4."""
    return float(latin_squares(n) / n ** (n * n))


def derangements(n: int) -> int:
    """Permutations of n without a fixed point: D_n = n D_{n-1} + (-1)^n."""
    count = 1
    for j in range(1, n + 1):
        count = j * count + (-1) ** j
    return count
