"""Matching: confident tokens, and one group of positions whose tokens are drawn jointly and tested in the next forward (ours).

Tokens committed in one forward are drawn independently; their total correlation is a lower bound on the error (Theorem 1 of
arXiv 2510.04767). But a forward gives more than each distribution alone: the expected number of positions that hold a token,
whatever the dependence between them. Where these numbers say that the tokens of a group of positions exclude each other
(`decoders/exclusion.py`), an answer is a matching of positions with tokens, and one matching is drawn for the whole group
(`decoders/joint_draw.py`): the best one at temperature 0, a sample above.

A step commits one such group, if there is one, together with the masks of confidence >= 1 - floor: a last name with
probability 0.9 may still depend on the first name that the group decides. Without a group a step is one of threshold
decoding. Only one group, the largest, is committed at a time, because a forward does not give the dependence between two.

Groups are taken for what the numbers say by chance, too: in texts, where two positions compete for two words, or where items
of several tokens share some of them. So the next forward tests each token y_i of the group that was committed below gamma:
beside the canvas it reads one branch for each, with that token masked, and the token is taken back if

    p(y_i | all other tokens) < back max_v p(v | all other tokens)    (at a temperature: floor in the place of back).

Nothing else is committed in a forward that takes tokens back, as all of it was conditioned on them, and from then on the
sample is decoded by the threshold alone, because what looks like a group in it is none or more than the model can tell.
(A shadow mask costs no branch and does not do: other positions have read the token, and a model that marks which names are
used says that this one is.) If the canvas is full no forward follows, and nothing is tested.

One forward a step, of one row, or after a group of one row more than it has such tokens; it needs only the model's
distribution. At temperature 1 it samples Shuffle of any order, Replace, Insert and Remove at a random place, and squares of
three rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.exclusion import Group, Indices, groups
from parallelbench.decoding.decoders.joint_draw import best_matching, sampled_matching
from parallelbench.decoding.published import Borders
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State

OF_ROWS, OF_COLUMNS, TIES = 8, 9, 10  # lanes of random draws; from TIES on one for each token
NONE = np.empty(0, dtype=np.int64)


class Matching(ProgramDecoder):
    """Commit confident positions, and one group of positions that are taken to hold different tokens; then test the group."""

    family: ClassVar[str] = "matching"
    joint: ClassVar[bool] = True
    revises: ClassVar[bool] = True
    borders: ClassVar[Borders] = Borders(state="the group to test, and whether a token was taken back", over_blocks="carried")
    speed = {"gamma": "slower", "slack": "faster", "back": "slower"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence from which a token is committed")
    slack: float = Field(
        0.3, ge=0, le=0.5, description="tolerance of the test of a group: a token is expected at most 1 + slack times"
    )
    floor: float = Field(0.02, gt=0, le=0.5, description="probability from which a token counts as possible at a position")
    top: int = Field(64, ge=2, le=256, description="most probable tokens of each position that are considered")
    back: float = Field(
        0.5, ge=0, le=1, description="part of the best one's probability below which a token is taken back; 0: no test"
    )

    def run(self, state: State) -> Run:
        tested, trusted = NONE, True
        while state.masked.any():
            start, end = state.window
            tested = tested[(tested >= start) & (tested < end)]
            signals = yield self._request(state, tested)
            if tested.size:
                lost = self._lost(signals, tested)
                if lost.size:
                    tested, trusted = NONE, False
                    state.remask(lost)
                    continue
                signals = _first_row(signals, state)
            tested = self._step(signals, state, trusted)

    def _request(self, state: State, tested: Ints) -> ForwardRequest:
        """Request the open positions, and one branch for each position to test, with its token masked."""
        if not tested.size:
            return ForwardRequest(top=self.top)
        branches = np.tile(state.canvas, (1 + len(tested), 1))
        branches[1 + np.arange(len(tested)), tested] = state.info.mask_id
        positions = np.union1d(state.eligible, tested)
        return ForwardRequest(
            positions=positions, branches=branches, top=self.top, tokens=np.where(state.masked, -1, state.canvas)[positions],
            role="verify",
        )  # fmt: skip

    def _lost(self, signals: Signals, tested: Ints) -> Ints:
        """Return the tested positions of which another token is much more probable, given all other tokens."""
        if signals.p_of is None or signals.top_p is None:
            raise ValueError("matching needs the probability of the tokens that it tests")
        row, column = 1 + np.arange(len(tested)), np.searchsorted(signals.positions, tested)
        least = self.floor if self.temperature > 0 else self.back
        lost: Ints = tested[signals.p_of[row, column] < least * signals.top_p[row, column, 0]]
        return lost

    def _step(self, signals: Signals, state: State, trusted: bool) -> Ints:
        """Commit what this forward allows; return the positions to test in the next. No group is sought unless `trusted`."""
        drawn = self._joint_draw(signals, state) if trusted else None
        if drawn is None:
            self.commit(signals.confidence >= self.gamma, signals, state)
            return NONE
        group, column = drawn
        where, p = signals.positions[group.rows], group.p[np.arange(len(column)), column]
        state.write(where, group.tokens[column], p)
        rest = np.setdiff1d(np.flatnonzero(signals.confidence >= 1 - self.floor), group.rows)
        state.write(signals.positions[rest], signals.token[rest], signals.confidence[rest])
        return where[p < self.gamma] if self.back > 0 else NONE

    def _joint_draw(self, signals: Signals, state: State) -> tuple[Group, Indices] | None:
        """Return the largest group that has a matching, with the column of each of its rows; None where there is none."""
        if signals.top_token is None or signals.top_p is None:
            raise ValueError("matching needs the most probable tokens")
        unsure = np.flatnonzero(signals.top_p[:, 0] < 1 - self.floor)
        if unsure.size < 2:
            return None
        found = groups(signals.top_token[unsure], signals.top_p[unsure], self.floor, self.slack)
        for group in sorted(found, key=lambda one: -len(one.rows)):
            column = self._matching(group, signals.positions[unsure[group.rows]], state)
            if column is not None and group.p[np.arange(len(column)), column].all():
                return group._replace(rows=unsure[group.rows]), column
        return None

    def _matching(self, group: Group, positions: Ints, state: State) -> Indices | None:
        """Return the column of each row of a group: of the best matching, or of a sample."""
        if self.temperature > 0:
            of_rows, of_columns = state.uniform(positions, OF_ROWS), state.uniform(group.tokens, OF_COLUMNS)
            return sampled_matching(group.p, of_rows, of_columns, self.temperature)
        ties = np.stack([state.uniform(positions, TIES + token) for token in range(len(group.tokens))], axis=1)
        return best_matching(group.p, ties)


def _first_row(signals: Signals, state: State) -> Signals:
    """Return the signals of the canvas itself at its open positions, from those of all branches."""
    open_ = np.flatnonzero(state.is_eligible(signals.positions))
    return replace(
        signals,
        positions=signals.positions[open_],
        token=signals.token[0, open_],
        confidence=signals.confidence[0, open_],
        top_token=None if signals.top_token is None else signals.top_token[0, open_],
        top_p=None if signals.top_p is None else signals.top_p[0, open_],
        p_of=None,
    )
