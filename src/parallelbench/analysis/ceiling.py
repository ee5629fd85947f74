"""The highest expected accuracy that decoders with independent draws can reach within a given number of forwards.

A law is the exact distribution of the right answers to a question. The decoders considered here know its exact marginals,
choose which positions a forward fills, draw the tokens of that forward independently, and never change a token afterwards.
Their best accuracy is found by a search (`theory.best_policy`) at temperatures 0 and 1, of which the better counts. Decoders
that draw tokens jointly, or that remask or edit tokens, can score higher.

For a law that is too large to search, the value comes from the smallest bound L*_T over all schedules of T forwards (paper,
Theorem 1). For Shuffle it is the accuracy of that schedule, 2^(-L*_T). For any other law it is 1 where L*_T is 0, and unknown
(None) otherwise.
"""

from __future__ import annotations

from functools import lru_cache

from parallelbench.errors import UserError
from parallelbench.theory import best_policy, law, optimum, positions_of
from parallelbench.theory.accuracy import shuffle_must_differ_at_once

LOSSLESS = 1e-9
"""A bound in bits below this counts as 0."""


def best_accuracy(name: str, n: int, must_differ: bool, forwards: int) -> float | None:
    """Return the highest expected accuracy within `forwards` (at least 1) on one law, or None where it is unknown.

    `name`, `n` and `must_differ` name the law as `theory.shape_of_sample` does.
    """
    if name == "deterministic":
        return 1.0
    best = _by_forwards(name, n, must_differ)
    return best[min(forwards, len(best)) - 1]


@lru_cache(256)
def _by_forwards(name: str, n: int, must_differ: bool) -> tuple[float | None, ...]:
    right = law(name, n, must_differ=must_differ)
    try:
        greedy, drawn = (best_policy(right, temperature).accuracies for temperature in (0.0, 1.0))
    except UserError:
        bounds = _bounds(name, n, must_differ)
        best = [1.0 if bound < LOSSLESS else 2.0**-bound if name == "shuffle" else None for bound in bounds]
        if name == "shuffle" and must_differ and best[0] is not None:
            best[0] = max(best[0], *(shuffle_must_differ_at_once(n, greedy) for greedy in (False, True)))
        return tuple(best)
    return tuple(float(max(both)) for both in zip(greedy, drawn, strict=True))


def _bounds(name: str, n: int, must_differ: bool) -> list[float]:
    """The smallest bounds L*_T in bits for T = 1, 2, ... forwards, one for each position of the law.

    For a law that is too large even for this search: infinity below one forward for each position, and 0 there.
    """
    try:
        return [float(bound) for bound in optimum(law(name, n, must_differ=must_differ)).bounds]
    except UserError:
        return [float("inf")] * (positions_of(name, n) - 1) + [0.0]
