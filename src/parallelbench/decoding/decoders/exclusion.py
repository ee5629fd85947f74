"""Groups of positions that hold different tokens, read from the distributions of one forward.

sum_i p_i(v) over masks i is the *expected number* E(v) of positions that hold token v, whatever the dependence between them.
Where a list is reordered, n positions hold n names and each name is expected once; where an item is inserted, removed or
replaced, n positions hold some of n + 1 tokens and none is expected more than once. A run of m >= 2 positions is taken for a
group whose tokens exclude each other if m or m + 1 tokens are expected there more than `RARE` times, none more than 1 + slack
times, and together at least m (1 - slack) times.

A token is possible at a position from the probability `floor` on. One that is expected at least once in two over all
positions is possible wherever it has the probability `LEAST`: a new name that may be at any of fifty places has .02 at each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.signals import Floats

Table = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
RARE = 0.1
LEAST = 1e-4


class Group(NamedTuple):
    """Positions that are taken to hold different tokens.

    Attributes:
        rows: indices of the positions, [n].
        tokens: token ids, ascending, [m].
        p: the probability of each token at each position, in float64, [n, m].
    """

    rows: Indices
    tokens: Ints
    p: Table


def groups(top_token: Ints, top_p: Floats, floor: float, slack: float) -> Iterator[Group]:
    """Yield one group of each connected component of positions, those with the first positions first.

    Positions with a possible token in common are connected. The group of a component is its first run that passes, as long as
    possible: one row of a Latin square, whose symbols are expected once in each row and four times in all.

    Args:
        top_token, top_p: the most probable tokens of each position and their probabilities, [N, top].
        floor, slack: as above.
    """
    vocabulary, column = np.unique(top_token, return_inverse=True)
    p = np.zeros((len(top_token), len(vocabulary)))
    np.put_along_axis(p, column.reshape(top_token.shape), np.asarray(top_p, dtype=np.float64), axis=1)
    likely = p >= floor
    table = np.where(likely | ((p.sum(0) >= 0.5) & (p >= LEAST)), p, 0.0)
    for component in components(likely | ((p >= floor * p.max(1, keepdims=True)) & (table > 0))):
        rows = component[exclusive_run(table[component], slack)]
        if rows.size:
            tokens = np.flatnonzero(table[rows].sum(0) > RARE)
            yield Group(rows, vocabulary[tokens], table[np.ix_(rows, tokens)])


def exclusive_run(p: Table, slack: float) -> slice:
    """Return the first run of consecutive rows of p [n, V] that passes, as long as possible; else an empty slice."""
    before = np.concatenate([np.zeros((1, p.shape[1])), p.cumsum(0)])
    for start in range(len(p) - 1):
        expected = before[start + 2 :] - before[start]
        size = np.arange(2, len(expected) + 2)
        tokens = (expected > RARE).sum(1)
        few = (size <= tokens) & (tokens <= size + 1)
        passes = few & (expected.max(1) <= 1 + slack) & (expected.sum(1) >= size * (1 - slack))
        if passes.any():
            return slice(start, start + int(size[passes][-1]))
    return slice(0, 0)


def components(possible: npt.NDArray[np.bool_]) -> Iterator[Indices]:
    """Yield the connected components of the rows of [n, m], by first row; rows that are True in one column are connected."""
    left = np.ones(len(possible), dtype=bool)
    while left.any():
        member = np.zeros(len(possible), dtype=bool)
        member[left.argmax()] = True
        while True:
            grown = possible[:, possible[member].any(0)].any(1) & left | member
            if (grown == member).all():
                break
            member = grown
        left &= ~member
        yield np.flatnonzero(member)
