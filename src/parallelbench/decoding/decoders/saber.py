"""Saber: adaptive acceleration with backtracking (arXiv 2510.18165, section 3), as the authors' code for LLaDA does it.

A step looks at every position up to the end of the block being filled, earlier blocks included. With c_i the probability of the
most probable token at position i, committed or not,

* it commits every open position with c_i above the bar, and at least the n best. The bar is the mean, over all positions that
  were ever committed, of their confidence at the last commit; 1 before the first;
* unless that fills the last open position, it remasks r = max(floor(n / 2), ceil(a / 8)) of the committed positions, but at
  most a - 1, a being the larger of n and the number just committed: those with the lowest c_i(now) - c_i(one step before). A
  position that was just committed may be among them, also one where c_i rose.

So every step makes progress. At the first step of a block there is no step before for its positions, so that only those of
earlier blocks can be remasked (in the first block, c_i before counts as 0). One forward a step; needs the distribution at
committed positions too. The authors' code for Dream remasks the committed tokens of lowest own probability instead.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State


class Saber(ProgramDecoder):
    """A bar that follows the confidence of what was committed; the steepest falls of confidence are remasked."""

    family: ClassVar[str] = "saber"
    published: ClassVar[Published] = Published(
        state="equal", code="zhaoyMa/Saber", defaults="the authors' scripts (n 2); their 8 commits per remask is a constant"
    )
    borders: ClassVar[Borders] = Borders(
        block="nothing is remasked by the step that fills it; later steps may remask its positions",
        canvas="nothing is remasked by the step that fills it",
        state="confidence of every position at its last commit and at the step before",
        over_blocks="carried",
    )
    speed = {"n": "faster"}
    revises: ClassVar[bool] = True
    n: int = Field(2, ge=1, description="least number of commits a step")
    ratio: int = Field(8, ge=1, description="commits for each position that is remasked")

    def run(self, state: State) -> Run:
        width, end = len(state.canvas), 0
        at_commit, before = np.full(width, np.nan), np.zeros(width)
        while state.masked.any():
            end = max(end, state.window[1])
            free = state.editable(0, end)
            signals = yield ForwardRequest(positions=free)
            chosen = self._commits(signals, at_commit, state)
            state.write(free[chosen], signals.token[chosen], signals.confidence[chosen])
            at_commit[free[chosen]] = signals.confidence[chosen]
            change = signals.confidence - before[free]
            before = np.full(width, -np.inf)
            before[free] = signals.confidence
            if state.masked[:end].any():
                change[state.masked[free]] = np.inf
                fallen = np.argsort(change, kind="stable")[: self._remasks(len(chosen))]
                state.remask(free[fallen[change[fallen] < np.inf]])

    def _commits(self, signals: Signals, at_commit: npt.NDArray[np.float64], state: State) -> npt.NDArray[np.intp]:
        """Indices of the positions to commit: every open one above the bar, and at least the n most confident."""
        order = self.best_first(signals.confidence, signals.positions, state)
        order = order[state.masked[signals.positions[order]]]
        seen = at_commit[~np.isnan(at_commit)]
        bar = float(seen.mean()) if seen.size else 1.0
        return order[: max(self.n, int((signals.confidence[order] > bar).sum()))]

    def _remasks(self, committed: int) -> int:
        """How many positions a step remasks that committed so many."""
        counted = max(self.n, committed)
        return min(max(self.n // 2, -(-counted // self.ratio)), counted - 1)
