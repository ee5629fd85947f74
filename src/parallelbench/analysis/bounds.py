"""What decoders can reach within a given number of forwards: three lines, each named for the decoders that it bounds.

* before_draw: the positions of a forward are chosen before their tokens are drawn (the setting of the paper's Theorem 1).
* after_draw: every open position is drawn, and the tokens to keep are chosen once they have been seen (`theory.after_draw`).
* anything: joint draws, revision and several rows a forward; it is 1 from the first forward on.

A law is the exact distribution of the right answers to a question. The first two lines hold for decoders that know its exact
marginals, draw the tokens of a forward independently at temperature 0 (ties at random) or 1, whichever is better, never
change a token, and make forwards of one row. A position is one item of the answer; docs/theory.md says what changes where an
item takes several tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from parallelbench.errors import UserError
from parallelbench.theory import (
    Setting,
    accuracy_of,
    best_after_draw,
    best_policy,
    law,
    optimum,
    place_after_draw,
    positions_of,
    shuffle_after_draw,
)
from parallelbench.theory.accuracy import shuffle_must_differ_at_once
from parallelbench.theory.laws import DETERMINISTIC, RANDOM

LOSSLESS = 1e-9
"""A bound in bits below this counts as 0."""
LOSSLESS_FROM = {("latin_square", 4): 6}
"""The least number of forwards at which L*_T is 0, for laws whose search over all schedules takes long."""


FAINT = 16
"""Above this many items, one forbidden order of n! changes the value at temperature 1 by less than 1e-12; it is left out."""


class AfterDraw(NamedTuple):
    """The line after the draw of one law.

    Attributes:
        values: the highest expected accuracy within T = 1, 2, ... forwards, or an upper bound of it.
        exact: the number of leading entries that are the value itself; later ones are upper bounds.
    """

    values: tuple[float, ...]
    exact: int


def before_draw(name: str, n: int, must_differ: bool) -> tuple[float | None, ...]:
    """Return the line before the draw within T = 1, 2, ... forwards; None where it is unknown.

    It is found by a search (`theory.best_policy`). For a law that is too large, it follows from the smallest bound L*_T of all
    schedules of T forwards (paper, Theorem 1): for Shuffle 2^(-L*_T), for any other law 1 where L*_T is 0.
    `name`, `n` and `must_differ` name the law as `theory.shape_of_sample` does.
    """
    return (1.0,) if name == "deterministic" else _before_draw(name, n, must_differ)


def after_draw(name: str, n: int, must_differ: bool) -> AfterDraw:
    """Return the line after the draw within T = 1, 2, ... forwards; the arguments are those of `before_draw`.

    Where neither a formula nor the search over all draws is possible, one forward has its exact value (all positions must be
    kept), and 1 is the upper bound for more.
    """
    return AfterDraw((1.0,), 1) if name in ("deterministic", *DETERMINISTIC) else _after_draw(name, n, must_differ)


def at(values: Sequence[float | None], forwards: int) -> float | None:
    """Return the value within `forwards` (at least 1) forwards; the last value holds for all larger numbers."""
    return values[min(forwards, len(values)) - 1]


def reachable(values: Sequence[float], forwards: Sequence[int]) -> float:
    """Return an upper bound of the accuracy of decodes of one law that took these numbers of forwards, one for each sample.

    A decoder may stop when it has seen its tokens. P(right and finished within T forwards) is at most V_T for every T, so
    with Q_T the fraction right and finished within T, and n_T the fraction that took exactly T, the highest Q is
    Q_T = min(V_T, Q_(T-1) + n_T).
    """
    counts = Counter(min(number, len(values)) for number in forwards)
    right = 0.0
    for number in sorted(counts):
        right = min(values[number - 1], right + counts[number] / len(forwards))
    return right


@lru_cache(256)
def _before_draw(name: str, n: int, must_differ: bool) -> tuple[float | None, ...]:
    if (name, n) in LOSSLESS_FROM:
        first = LOSSLESS_FROM[name, n]
        return tuple(None if forwards < first else 1.0 for forwards in range(1, positions_of(name, n) + 1))
    right = law(name, n, must_differ=must_differ)
    try:
        greedy, drawn = (best_policy(right, temperature).accuracies for temperature in (0.0, 1.0))
    except UserError:
        bits = _bits(name, n, must_differ)
        best = [1.0 if bound < LOSSLESS else 2.0**-bound if name == "shuffle" else None for bound in bits]
        if name == "shuffle" and must_differ and best[0] is not None:
            best[0] = max(best[0], *(shuffle_must_differ_at_once(n, greedy) for greedy in (False, True)))
        return tuple(best)
    return tuple(min(1.0, float(max(both))) for both in zip(greedy, drawn, strict=True))


def _bits(name: str, n: int, must_differ: bool) -> list[float]:
    """The smallest bounds L*_T in bits for T = 1, 2, ... forwards, one for each position of the law.

    For a law that is too large even for this search: infinity below one forward for each position, and 0 there.
    """
    try:
        return [float(bound) for bound in optimum(law(name, n, must_differ=must_differ)).bounds]
    except UserError:
        return [float("inf")] * (positions_of(name, n) - 1) + [0.0]


@lru_cache(256)
def _after_draw(name: str, n: int, must_differ: bool) -> AfterDraw:
    positions = positions_of(name, n)
    try:
        if name == "shuffle":
            values = _better(lambda t, temperature: _shuffle(n, t, must_differ, temperature), positions)
        elif name in RANDOM:
            values = _better(lambda t, temperature: place_after_draw(name, n, t, temperature), positions)
        else:
            right = law(name, n)
            both = zip(*(best_after_draw(right, temperature).accuracies for temperature in (0.0, 1.0)), strict=True)
            values = tuple(float(max(pair)) for pair in both)
        return AfterDraw(values, len(values))
    except UserError:
        wholes = [Setting("all_at_once", temperature=temperature) for temperature in (0.0, 1.0)]
        first = [accuracy_of(name, n, whole, must_differ) for whole in wholes]
        known = max((value for value in first if value is not None), default=1.0)
        return AfterDraw((known, 1.0), 1)


def _shuffle(n: int, forwards: int, must_differ: bool, temperature: float) -> float:
    tilted = must_differ and not (temperature and n > FAINT)
    return shuffle_after_draw(n, forwards, tilted, temperature)


def _better(value: Callable[[int, float], float], positions: int) -> tuple[float, ...]:
    """The larger of the values at temperature 0 and 1 for T = 1, 2, ... forwards, up to the first that is 1."""
    found: list[float] = []
    for forwards in range(1, positions + 1):
        found.append(max(value(forwards, temperature) for temperature in (0.0, 1.0)))
        if found[-1] > 1.0 - 1e-12:
            break
    return tuple(found)
