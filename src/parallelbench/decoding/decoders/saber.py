"""Saber: adaptive acceleration with backtracking (arXiv 2510.18165, section 3).

Within a block a step

* commits every open position whose confidence exceeds the mean confidence, at its commit, of the tokens that stand (1 while
  none does), or the n best where none exceeds it;
* takes back r of the tokens committed before, r = max(floor(n / 2), ceil(a / 8)) but less than a, the number just committed:
  those whose own probability fell most since the last step. A token whose probability did not fall stays.

So every step makes progress. One forward a step; needs the distribution at committed positions too.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State


class Saber(ProgramDecoder):
    """A threshold that follows the confidence of what stands, with the steepest falls taken back."""

    family: ClassVar[str] = "saber"
    speed = {"n": "faster"}
    revises: ClassVar[bool] = True
    n: int = Field(2, ge=1, description="commits where nothing passes the threshold")
    share: int = Field(8, ge=1, description="commits for each token that may be taken back")

    def run(self, state: State) -> Run:
        while state.masked.any():
            yield from self._block(state)

    def _block(self, state: State) -> Run:
        free = state.eligible
        at_commit, last = np.zeros(len(free)), np.zeros(len(free))
        while state.masked[free].any():
            signals = yield ForwardRequest(positions=free, tokens=state.canvas[free])
            masked = state.masked[free]
            now = np.where(masked, signals.confidence, np.asarray(signals.p_of))
            bar = float(at_commit[~masked].mean()) if not masked.all() else 1.0
            order = self.best_first(signals.confidence, free, state)
            order = order[masked[order]]
            passing = now[order] > bar
            chosen = order[passing] if passing.any() else order[: self.n]
            count = min(max(self.n // 2, -(-len(chosen) // self.share)), len(chosen) - 1)
            fall = np.where(masked, 0.0, last - now)
            steepest = np.argsort(-fall, kind="stable")[:count]
            state.remask(free[steepest[fall[steepest] > 0]])
            state.write(free[chosen], signals.token[chosen], signals.confidence[chosen])
            at_commit[chosen] = signals.confidence[chosen]
            last = now
