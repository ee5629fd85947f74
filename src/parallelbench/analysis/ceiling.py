"""The best that any choice of positions can score within so many forwards, tokens drawn independently and never taken back.

Solved item by item with exact marginals (`theory.best_policy`, at the better of temperature 0 and 1); decoders that draw
jointly, or that take tokens back, may be above it. Where a law is too large for that: Shuffle by its best schedule, of
accuracy 2^(-L*_T); any other law only where a schedule without loss exists (bound 0); else unknown.
"""

from __future__ import annotations

from functools import lru_cache

from parallelbench.errors import UserError
from parallelbench.theory import best_policy, law, optimum
from parallelbench.theory.accuracy import shuffle_must_differ_at_once

LOSSLESS = 1e-9


def best_accuracy(name: str, n: int, must_differ: bool, forwards: int) -> float | None:
    """Return the highest expected accuracy within `forwards` on a law (`theory.shape_of_sample`), or None where unknown."""
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
    """The best bounds in bits for 1, 2, ... forwards; for one forward on a law too large for a search, infinity."""
    try:
        return [float(bound) for bound in optimum(law(name, n, must_differ=must_differ)).bounds]
    except UserError:
        return [float("inf")] * (n - 1) + [0.0]
