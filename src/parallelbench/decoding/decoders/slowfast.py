"""SlowFast sampling (Wei et al., arXiv 2506.10848): explore where the sure region ends, then fill it.

Decoding goes in cycles.

* Slow: at most `explore` steps. Each commits every open position whose confidence reaches `high`, at least the best one, and
  estimates the region's end as the furthest open position with a confidence of at least `low`. The phase ends once the last
  `history` estimates have a standard deviation below `spread`.
* Fast: up to the last estimate, commit what reaches `high`, at least the best one, until nothing is open there.

One forward a step in either phase; needs nothing of the model but its distribution. Without a cache the fast phase is no
cheaper a step than the slow one: here it only asks for fewer positions.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State


class SlowFast(ProgramDecoder):
    """Cycles of finding a region that is nearly sure, and of filling it in parallel."""

    family: ClassVar[str] = "slowfast"
    speed = {"high": "slower", "low": "slower"}
    high: float = Field(0.9, ge=0, le=1, description="confidence from which a token is committed")
    low: float = Field(0.3, ge=0, le=1, description="confidence that a region's last position must have")
    explore: int = Field(6, ge=1, description="most steps of a slow phase")
    history: int = Field(2, ge=1, description="estimates of the end that must agree")
    spread: float = Field(1.0, gt=0, description="standard deviation below which they agree, in positions")

    def run(self, state: State) -> Run:
        while state.masked.any():
            ends: list[int] = []
            block = state.window
            while state.window == block and len(ends) < self.explore and not self._settled(ends):
                signals = yield ForwardRequest()
                ends.append(self._end(signals))
                self._fill(signals, state)
            while (left := state.eligible[state.eligible <= ends[-1]]).size:
                signals = yield ForwardRequest(positions=left)
                self._fill(signals, state)

    def _settled(self, ends: list[int]) -> bool:
        return len(ends) >= self.history and float(np.std(ends[-self.history :])) < self.spread

    def _end(self, signals: Signals) -> int:
        """The furthest position that is likely at all, or the most confident one where none is."""
        likely = signals.positions[signals.confidence >= np.float32(self.low)]
        return int(likely[-1] if likely.size else signals.positions[signals.confidence.argmax()])

    def _fill(self, signals: Signals, state: State) -> None:
        self.commit(signals.confidence >= np.float32(self.high), signals, state)
