"""The best sampler that chooses which drawn tokens to keep, after it has seen them: exact values for small laws.

A sampler draws every open position independently, from the exact marginals (temperature 1) or from the most probable
symbols (temperature 0, ties at random). It looks at the drawn tokens and keeps those of any set S of positions. It never
changes a kept token, and each forward has one row. Let c be the tokens kept so far and V_T(c) the probability that the string
is complete after at most T forwards and in the law's support. Then

$$V_T(c) = E_{y \\sim \\prod_i p_i(\\cdot \\mid c)} [ \\max_S V_{T-1}(c \\cup y_S) ],\\qquad V_0(\\text{complete}) = 1$$

`policies` solves for samplers that choose S before the draw (the setting of the paper's Theorem 1). Here the maximum is taken
inside the expectation, so this value is never smaller. For laws that are too large to enumerate all draws, `collision` has
formulas for Shuffle, and `places` for Replace, Insert and Remove at a random place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np

from parallelbench.errors import UserError
from parallelbench.theory.base import Floats, Ints, Law, members
from parallelbench.theory.information import tempered

WORK_LIMIT = 5_000_000
"""The maximum number of draws times sets of positions, summed over all contexts; it takes some seconds."""


class _Context(NamedTuple):
    """One context of positive probability: its open positions, what each may draw, and with which probability."""

    positions: tuple[int, ...]
    symbols: tuple[Ints, ...]
    probabilities: tuple[Floats, ...]


@final
class AfterDraw:
    """The value of the best sampler that chooses after the draw, and the sampler itself.

    Attributes:
        accuracies: [n], the highest expected accuracy within T = 1..n forwards.
    """

    def __init__(self, law: Law, temperature: float, limit: int = WORK_LIMIT) -> None:
        self._law = law
        self._limit = limit
        self._temperature = temperature
        self._strings, self._weights = law.support()
        self._values: dict[bytes, Floats] = {}
        self._budgets = law.positions + 1
        self._spent = 0
        empty = np.full(law.positions, -1, dtype=np.int64)
        self.accuracies = self._value(empty)[1:]

    def keep(self, context: Sequence[int], drawn: Sequence[int], forwards: int) -> tuple[int, ...]:
        """Return the positions whose drawn symbols are kept.

        Args:
            context: the symbols kept so far, [n], -1 where unknown.
            drawn: a symbol for each position, [n]; known positions are not read.
            forwards: how many are left, this one included.

        Raises:
            UserError: no forward is left, or the context is complete.
        """
        row = self._law.contexts(context)[0]
        open_positions = np.flatnonzero(row < 0)
        if forwards < 1 or not open_positions.size:
            raise UserError("there is nothing to keep; ask with an unknown position and at least one forward left.")
        budget = min(forwards, self._budgets - 1) - 1
        best, chosen = -1.0, tuple(open_positions.tolist())
        for mask in range(1, 1 << open_positions.size):
            kept = open_positions[list(members(mask))]
            after = row.copy()
            after[kept] = np.asarray(drawn)[kept]
            value = self._value(after)[budget] if self._possible(after) else 0.0
            if value > best + 1e-12:
                best, chosen = value, tuple(kept.tolist())
        return chosen

    def _possible(self, row: Ints) -> bool:
        return bool(((self._strings == row) | (row < 0)).all(axis=1).any())

    def _value(self, row: Ints) -> Floats:
        """V_T of a possible context for T = 0..n."""
        key = row.tobytes()
        if key not in self._values:
            self._values[key] = self._solve(row)
        return self._values[key]

    def _solve(self, row: Ints) -> Floats:
        agree = ((self._strings == row) | (row < 0)).all(axis=1)
        if not (row < 0).any():
            return np.ones(self._budgets)
        here = self._context(row, agree)
        shape = tuple(len(symbols) for symbols in here.symbols)
        self._spent += int(np.prod(shape)) << len(shape)
        if self._spent > self._limit:
            raise UserError(
                "this law has too many draws to go through; ask for a smaller n, give a higher limit, or ask for shuffle, "
                "replace_random, insert_random or remove_random, which have formulas."
            )
        best = np.zeros((*shape, self._budgets))
        for mask in range(1, 1 << len(shape)):
            np.maximum(best, self._of_set(row, here, members(mask), agree), out=best)
        for probabilities in here.probabilities:
            best = np.tensordot(probabilities, best, axes=(0, 0))
        return np.concatenate([[0.0], best[:-1]])

    def _context(self, row: Ints, agree: np.typing.NDArray[np.bool_]) -> _Context:
        positions = tuple(np.flatnonzero(row < 0).tolist())
        symbols, probabilities = [], []
        for position in positions:
            mass = np.bincount(self._strings[agree, position], self._weights[agree], minlength=len(self._law.alphabet))
            odds = np.asarray(tempered(mass[None] / mass.sum(), self._temperature)[0], dtype=np.float64)
            symbols.append(np.flatnonzero(odds))
            probabilities.append(odds[symbols[-1]])
        return _Context(positions, tuple(symbols), tuple(probabilities))

    def _of_set(self, row: Ints, here: _Context, chosen: tuple[int, ...], agree: np.typing.NDArray[np.bool_]) -> Floats:
        """The values after keeping this set, one for each draw of its positions; the other axes have length 1."""
        kept = [here.positions[i] for i in chosen]
        shape = [len(here.symbols[i]) if i in chosen else 1 for i in range(len(here.positions))]
        values = np.zeros((*shape, self._budgets))
        for string in np.unique(self._strings[agree][:, kept], axis=0):
            at = [np.searchsorted(here.symbols[i], symbol) for i, symbol in zip(chosen, string, strict=True)]
            known = all(
                place < len(here.symbols[i]) and here.symbols[i][place] == symbol
                for place, i, symbol in zip(at, chosen, string, strict=True)
            )
            if known:
                after = row.copy()
                after[kept] = string
                index = [0] * len(here.positions)
                for i, place in zip(chosen, at, strict=True):
                    index[i] = int(place)
                values[tuple(index)] = self._value(after)
        return values


def best_after_draw(law: Law, temperature: float = 1.0, limit: int = WORK_LIMIT) -> AfterDraw:
    """Solve for the best sampler that chooses after the draw; exact.

    `limit` bounds the work: draws times sets of positions, summed over all contexts.

    Raises:
        UserError: the law has too many draws to go through, or the temperature is neither 0 nor 1.
    """
    return AfterDraw(law, temperature, limit)
