"""The highest expected accuracy within T forwards of any policy that chooses positions given the tokens sampled so far.

A policy looks at the tokens written so far and chooses the set to fill next; its tokens are drawn independently from the exact
marginals (temperature 1) or are the most probable ones (temperature 0, ties at random). With V_T(context) the probability
that the final string is one of the law's,

$$V_T(c) = \\max_S \\sum_{y_S} \\prod_{i \\in S} p(y_i \\mid c)\\; V_{T-1}(c \\cup y_S),\\qquad V_0(\\text{complete}) = 1$$

A context that no string agrees with is worth 0, so only contexts of positive probability are states: for each set of positions
the different restrictions of the law's strings to it. All budgets T are solved together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import final

import numpy as np

from parallelbench.errors import UserError
from parallelbench.theory.base import Floats, Ints, Law, members
from parallelbench.theory.information import tempered

POSITION_LIMIT = 10
_WORK_LIMIT = 20_000_000  # strings times 3^positions


@final
class Policy:
    """The optimal policy of a law.

    Attributes:
        accuracies: [n], the best expected accuracy within T = 1..n forwards.
    """

    def __init__(self, law: Law, accuracies: Floats, labels: Sequence[Ints], follow: Sequence[Ints]) -> None:
        self.accuracies = accuracies
        self._law = law
        self._strings = law.support()[0]
        self._labels = labels
        self._follow = follow

    def choose(self, context: Sequence[int], forwards: int) -> tuple[int, ...]:
        """Return the positions to fill next, given the symbols written so far ([n], -1 where unknown) and the forwards left.

        If no string of the law agrees with the context, the answer is already wrong, and all unknown positions are returned.

        Raises:
            UserError: no forward is left, or the context is complete.
        """
        row = self._law.contexts(context)[0]
        unknown = row < 0
        if forwards < 1 or not unknown.any():
            raise UserError("there is nothing to choose; ask with an unknown position and at least one forward left.")
        agree = np.flatnonzero(((self._strings == row) | unknown).all(axis=1))
        if not agree.size:
            return tuple(np.flatnonzero(unknown).tolist())
        known = sum(1 << int(i) for i in np.flatnonzero(~unknown))
        budget = min(forwards, int(unknown.sum()))
        return members(int(self._follow[known][self._labels[known][agree[0]], budget]) & ~known)


def best_policy(law: Law, temperature: float = 1.0) -> Policy:
    """Solve for the optimal policy; exact.

    Raises:
        UserError: the law has more than 10 positions or too many strings, or the temperature is neither 0 nor 1.
    """
    n = law.positions
    if n > POSITION_LIMIT or law.support_size * 3**n > _WORK_LIMIT:
        raise UserError(
            f"the best policy goes through every context of a law, and {n} positions with {law.support_size} strings are too "
            f"many; use at most {POSITION_LIMIT} positions, or optimum(law), the best schedule that does not look at tokens."
        )
    states = _States(law)
    full = (1 << n) - 1
    value: list[Floats] = [np.zeros((0, 0))] * full + [np.ones((law.support_size, n + 1))]
    follow: list[Ints] = [np.zeros((0, 0), dtype=np.int64)] * (full + 1)
    for known in range(full - 1, -1, -1):
        odds = {i: states.odds(known, i, temperature) for i in members(full & ~known)}
        value[known], follow[known] = _solve(states, known, odds, value)
    return Policy(law, value[0][0, 1:], states.labels, follow)


class _States:
    """The contexts of positive probability: for every set of positions (as bits) the classes of strings that agree on it."""

    def __init__(self, law: Law) -> None:
        strings, weights = law.support()
        self.strings = strings
        labels = [np.zeros(len(strings), dtype=np.int64)]
        for mask in range(1, 1 << law.positions):
            last = mask.bit_length() - 1
            codes = labels[mask ^ 1 << last] * len(law.alphabet) + strings[:, last]
            labels.append(np.unique(codes, return_inverse=True)[1].reshape(-1))
        self.labels = labels
        self.mass = [np.bincount(label, weights=weights) for label in labels]
        self.first = [np.unique(label, return_index=True)[1] for label in labels]

    def odds(self, known: int, position: int, temperature: float) -> Floats:
        """P(the symbol that each string has at this position is written | its context at `known`): [S]."""
        joint = known | 1 << position
        parent = self.labels[known][self.first[joint]]
        symbol = self.strings[self.first[joint], position]
        marginals = np.zeros((len(self.mass[known]), int(self.strings.max()) + 1))
        marginals[parent, symbol] = self.mass[joint] / self.mass[known][parent]
        return np.asarray(tempered(marginals, temperature)[parent, symbol][self.labels[joint]], dtype=np.float64)


def _solve(states: _States, known: int, odds: dict[int, Floats], value: Sequence[Floats]) -> tuple[Floats, Ints]:
    """Return V_T [contexts, n + 1] and the best next set of known positions of every context at `known`."""
    contexts, budgets = len(states.mass[known]), value[-1].shape[1]
    best = np.zeros((contexts, budgets))
    follow = np.full((contexts, budgets), len(value) - 1, dtype=np.int64)
    open_positions = sum(1 << i for i in odds)
    chosen = open_positions
    while chosen:
        after = known | chosen
        first = states.first[after]
        probability = reduce(np.multiply, (odds[i][first] for i in members(chosen)))
        slots = states.labels[known][first, None] * budgets + np.arange(1, budgets)
        reached = probability[:, None] * value[after][:, :-1]
        won = np.bincount(slots.reshape(-1), reached.reshape(-1), minlength=contexts * budgets).reshape(contexts, budgets)
        better = won > best + 1e-12
        best[better], follow[better] = won[better], after
        chosen = (chosen - 1) & open_positions
    return best, follow
