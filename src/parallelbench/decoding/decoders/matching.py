"""Matching: confident tokens, and one group of other positions that are drawn jointly and not one by one (our method).

Tokens committed in one forward are drawn independently; their total correlation is a lower bound on the error (Theorem 1 of
arXiv 2510.04767). But a forward gives more than each distribution alone: sum_i p_i(v) over masks i is the *expected number* of
positions that hold token v, whatever the dependence between them. Where a list is reordered, n positions hold n names and each
name is expected once; where an item is inserted, removed or replaced, n positions hold some of n + 1 tokens and none is
expected more than once. If a group of positions has these expected numbers, its tokens exclude each other, and an answer is a
matching of positions with tokens. The matchings with marginals p have, in the Bethe approximation (Vontobel, arXiv 1107.4196;
exact on trees), the weights

    w_i(v) = p_i(v) (1 - p_i(v)) / (1 - E(v)),    E(v) = sum_i p_i(v)

and the best matching, max_y sum_i ln w_i(y_i) with every token used at most once, is a linear assignment problem. It is a
joint draw that no product of distributions can make. The best matching may still omit a token that is more likely to be used
than not: a new name that may be at any of n positions has a small p_i(v) at each, but E(v) is the probability that it is at
one of them. So a token with E(v) > 1/2 that no position prefers is assigned first. At a temperature T, Gumbel noise on ln
w_i(v) / T makes this perturb-and-MAP (Papandreou and Yuille, ICCV 2011).

A step commits one such group, if there is one, together with the masks of confidence >= 1 - floor: a last name with
probability 0.9 may still depend on the first name that the group decides. Without a group a step is one of threshold decoding,
and it commits the most confident of the other masks too, which depends on the confident ones by no more than their entropy.
Positions with a possible token in common are connected; a group is the first and longest run of a connected component that
passes the test (one row of a Latin square, whose symbols are expected once in each row and four times in all). Only one group
is committed at a time, because a forward does not give the dependence between two groups. A group whose tokens cannot be
matched is not committed. Where a group passes the test by chance, every token is still possible at its position, but not every
possible answer can be drawn.

One forward a step; needs only the model's distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State

Table = npt.NDArray[np.float64]
LEAST = 1e-6  # lower limit of numbers before logarithms; tolerance of comparisons
GUMBEL = 8  # first lane of random draws for the Gumbel noise; one lane for each token
FORCED = 1e4  # exceeds every sum of gains, so that these tokens are assigned first


class Matching(StepDecoder):
    """Commit confident positions, and one group of positions that are taken to hold different tokens."""

    family: ClassVar[str] = "matching"
    joint: ClassVar[bool] = True
    speed = {"gamma": "slower", "slack": "faster"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence from which a token is committed")
    slack: float = Field(
        0.3, ge=0, le=0.5, description="tolerance of the test of a group: a token is expected at most 1 + slack times"
    )
    floor: float = Field(0.02, gt=0, le=0.5, description="probability from which a token counts as possible at a position")
    top: int = Field(32, ge=2, le=256, description="most probable tokens of each position that are considered")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(top=self.top)

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        sure = signals.confidence >= self.gamma
        group = self._group(signals, state)
        if group is not None:
            members, tokens, p = group
            state.write(signals.positions[members], tokens, p)
            sure = signals.confidence >= 1 - self.floor
        elif not sure.all():
            unsure = np.flatnonzero(~sure)
            sure[unsure[self.best_first(signals.confidence[unsure], signals.positions[unsure], state)[0]]] = True
        state.write(signals.positions[sure], signals.token[sure], signals.confidence[sure])

    def _group(self, signals: Signals, state: State) -> tuple[npt.NDArray[np.intp], Ints, Table] | None:
        """Return the first group of positions that hold different tokens as (indices, tokens, probabilities), or None."""
        uncertain = np.flatnonzero(signals.confidence < 1 - self.floor)
        if uncertain.size < 2:
            return None
        vocabulary, table = self._table(signals, uncertain)
        for component in _components(table > 0):
            group = component[self._exclusive_run(table[component])]
            if group.size:
                tokens = np.flatnonzero(table[group].sum(0))
                p = table[np.ix_(group, tokens)]
                column = self._assign(p, signals.positions[uncertain[group]], state)
                chosen = p[np.arange(len(group)), column]
                if chosen.all():
                    return uncertain[group], vocabulary[tokens[column]], chosen
        return None

    def _table(self, signals: Signals, places: npt.NDArray[np.intp]) -> tuple[Ints, Table]:
        """Return the possible tokens [V'] and p_i(v) [M, V'] of the positions at the M indices `places`, 0 below `floor`."""
        if signals.top_token is None or signals.top_p is None:
            raise ValueError("matching needs the most probable tokens")
        token, p = signals.top_token[places], np.asarray(signals.top_p[places], dtype=np.float64)
        vocabulary, column = np.unique(token, return_inverse=True)
        table = np.zeros((len(places), len(vocabulary)))
        np.put_along_axis(table, column.reshape(token.shape), np.where(p >= self.floor, p, 0.0), axis=1)
        return vocabulary, table

    def _exclusive_run(self, p: Table) -> slice:
        """Return the first run of consecutive rows of p [n, V] that is a group, as long as possible; else an empty slice.

        A run of m >= 2 rows is a group if it has m or m + 1 possible tokens, none is expected more than 1 + slack times, and
        p sums to at least m (1 - slack) in these rows.
        """
        before = np.concatenate([np.zeros((1, p.shape[1])), p.cumsum(0)])
        for start in range(len(p) - 1):
            expected = before[start + 2 :] - before[start]
            size = np.arange(2, len(expected) + 2)
            tokens = (expected > LEAST).sum(1)
            few = (size <= tokens) & (tokens <= size + 1)
            passes = few & (expected.max(1) <= 1 + self.slack) & (expected.sum(1) >= size * (1 - self.slack))
            if passes.any():
                return slice(start, start + int(size[passes][-1]))
        return slice(0, 0)

    def _assign(self, p: Table, positions: Ints, state: State) -> npt.NDArray[np.intp]:
        """Return the column (token) that is assigned to each row (position) of p [n, m], [n]."""
        unused = np.maximum(1 - p.sum(0), LEAST)
        gain = np.log(np.maximum(p, LEAST**2)) + np.log(np.maximum(1 - p, LEAST)) - np.log(unused)
        if self.temperature > 0:
            draws = np.stack([state.uniform(positions, GUMBEL + token) for token in range(p.shape[1])], axis=1)
            gain = gain / self.temperature - np.log(-np.log(draws))
        else:
            gain = gain + FORCED * _overlooked(p)
        column: npt.NDArray[np.intp] = linear_sum_assignment(gain, maximize=True)[1]
        return column


def _overlooked(p: Table) -> npt.NDArray[np.bool_]:
    """Return which columns of p [n, m] have a sum above 1/2 and are the most probable column of no row, [m]."""
    preferred = (p >= p.max(1, keepdims=True) - LEAST).any(0)
    overlooked: npt.NDArray[np.bool_] = ~preferred & (p.sum(0) > 0.5)
    return overlooked


def _components(possible: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.intp]]:
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
