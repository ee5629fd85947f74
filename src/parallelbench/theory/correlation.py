"""The total correlation of each law in closed form, for any n: what decoding all positions in one step loses.

A formula marked "paper" is from arXiv 2510.04767, Table 1 and equations 3 to 5; the others are derived in docs/theory.md. The
tests check all of them against enumeration. Lists have n distinct items, all right answers are equally likely, and values are
in bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from parallelbench.errors import UnknownName, UserError
from parallelbench.theory.laws import DETERMINISTIC, LAWS
from parallelbench.theory.partitions import sizes_of

_REDUCED_LATIN_SQUARES = (1, 1, 1, 4, 56, 9408, 16_942_080, 535_281_401_856, 377_597_570_964_258_816)  # OEIS A000315


def total_correlation_of(task: str, n: int, must_differ: bool = False) -> float | None:
    """Return C(Y|X) in bits of a task of size n, or None where no formula is known (sudoku: it depends on the puzzle).

    Raises:
        UserError: the task is unknown, or n is out of range.
    """
    if task not in LAWS:
        raise UnknownName("law", task, LAWS)
    if n < 1:
        raise UserError(f"n is {n}, but a task has at least one item; give n of 1 or more.")
    if task in DETERMINISTIC:
        return 0.0
    match task:
        case "shuffle":
            return shuffle_must_differ(n) if must_differ else shuffle(n)
        case "replace_random":
            return replace_random(n)
        case "insert_random":
            return insert_random(n)
        case "remove_random":
            return remove_random(n)
        case "latin_square":
            return latin_square(n)
        case _:
            return None


def limit_of_total_correlation(task: str) -> float | None:
    """Return the limit of C for n to infinity in bits: 0, log2 e or inf; None where no formula is known.

    It is 0 for Copy and the index operations, log2 e = 1.4427 for Replace Random, and infinite for Shuffle (paper, section 4).
    C of Insert Random and of Remove Random grows like n / (2 ln 2) = 0.7213 n (an integral of the binary entropy), and C of
    Latin squares like n^2 log2 e (their number is (n / e^2)^(n^2) to first order), so all three are unbounded.
    """
    if task not in LAWS:
        raise UnknownName("law", task, LAWS)
    if task in DETERMINISTIC:
        return 0.0
    return {"replace_random": math.log2(math.e), "sudoku": None}.get(task, math.inf)


def shuffle(n: int) -> float:
    """C = n log2 n - log2 n! (paper, Table 1): n uniform marginals, n! permutations."""
    return n * math.log2(n) - math.log2(math.factorial(n))


def shuffle_bound(n: int, sizes: Sequence[int]) -> float:
    """L_T = sum_t |S_t| log2 k_t - log2 n!, k_t positions unknown before step t (paper, equation 3 and section 4).

    It is the same for every partition with these sizes. With two positions per step it is log2(n!! / (n-1)!!), which grows
    without bound.

    Raises:
        UserError: the sizes do not sum to n.
    """
    steps = sizes_of(n, sizes=sizes)
    unknown = n - np.cumsum((0, *steps[:-1]))
    cost = math.fsum(size * math.log2(k) for size, k in zip(steps, unknown.tolist(), strict=True))
    return max(0.0, cost - math.log2(math.factorial(n)))


def shuffle_must_differ(n: int) -> float:
    """C = n H(p, q, ..., q) - log2(n! - 1): Shuffle where the order of the input is a wrong answer.

    At each position the item that the input has there has probability p = ((n-1)! - 1) / (n! - 1), and each of the other n - 1
    items q = (n-1)! / (n! - 1).

    Raises:
        UserError: n is below 2.
    """
    if n < 2:
        raise UserError("one item cannot be shuffled into a different order; give n of 2 or more.")
    answers, ordinary = math.factorial(n) - 1, math.factorial(n - 1)
    marginal = [(ordinary - 1) / answers] + [ordinary / answers] * (n - 1)
    return n * entropy_of(marginal) - math.log2(answers)


def replace_random(n: int) -> float:
    """C = (n - 1) [log2 n - log2(n - 1)] (paper, Table 1), which tends to log2 e: n marginals (1/n, 1 - 1/n), n answers."""
    return (n - 1) * (math.log2(n) - math.log2(n - 1)) if n > 1 else 0.0


def replace_random_bound(n: int, sizes: Sequence[int]) -> float:
    """L_T = (1/n) sum_t |S_t| k_t h(1/k_t) - log2 n, k_t positions unknown before step t and h the binary entropy.

    With probability k_t / n the new item has not been written yet; then it is at each unknown position with probability 1/k_t.
    Otherwise all remaining positions are certain.

    Raises:
        UserError: the sizes do not sum to n.
    """
    steps = sizes_of(n, sizes=sizes)
    unknown = n - np.cumsum((0, *steps[:-1]))
    terms = (size * k * entropy_of((1 / k, 1 - 1 / k)) for size, k in zip(steps, unknown.tolist(), strict=True))
    return max(0.0, math.fsum(terms) / n - math.log2(n))


def insert_random(n: int) -> float:
    """C = sum_{i=1..m} H((m-i)/m, 1/m, (i-1)/m) - log2 m with m = n + 1.

    Position i holds the i-th item if the new item comes later, the new item, or the (i-1)-th item if the new one came before.
    """
    m = n + 1
    return math.fsum(entropy_of(((m - i) / m, 1 / m, (i - 1) / m)) for i in range(1, m + 1)) - math.log2(m)


def remove_random(n: int) -> float:
    """C = sum_{i=1..n-1} h(i/n) - log2 n with h the binary entropy.

    Position i holds the (i+1)-th item if the removed item is among the first i, with probability i/n, and else the i-th.
    """
    return math.fsum(entropy_of((i / n, 1 - i / n)) for i in range(1, n)) - math.log2(n) if n > 1 else 0.0


def latin_square(n: int) -> float:
    """C = n^2 log2 n - log2 L(n) with L(n) the number of Latin squares; 32 - log2 576 = 22.83 for n = 4.

    The marginal of each of the n^2 cells is uniform, because the symbols are interchangeable.

    Raises:
        UserError: n is above 9.
    """
    return n * n * math.log2(n) - math.log2(latin_squares(n))


def latin_squares(n: int) -> int:
    """The number of n x n Latin squares: n! (n-1)! times the number of reduced ones (first row and column in order).

    Raises:
        UserError: n is outside 1..9.
    """
    if not 1 <= n <= len(_REDUCED_LATIN_SQUARES):
        raise UserError(
            f"the number of {n} x {n} Latin squares is not at hand; give n from 1 to {len(_REDUCED_LATIN_SQUARES)}."
        )
    return math.factorial(n) * math.factorial(n - 1) * _REDUCED_LATIN_SQUARES[n - 1]


def entropy_of(probabilities: Sequence[float]) -> float:
    """H = -sum p log2 p in bits; terms of p = 0 are 0."""
    return -math.fsum(p * math.log2(p) for p in probabilities if p > 0)
