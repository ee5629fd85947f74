"""SlowFast sampling (Wei et al., arXiv 2506.10848): explore where the sure region ends, then fill it.

A block is filled in cycles, each of which begins where the region of the last one ended (the first at the block's start).

* Slow: at most `explore` steps. Each estimates the region's end, one past the furthest open position with a confidence of at
  least `low`, or one past the cycle's beginning where there is none; and commits every open position of the block that
  reaches `high`, at least the best one. The phase ends once the last `history` estimates have a standard deviation below
  `spread` (equation 8).
* Fast: the region ends at the last estimate, or, where they never settled, at their mean rounded down (equation 9). Up to
  there, commit what reaches `high`, at least the best one, until nothing is open.

One forward a step in either phase; needs nothing of the model but its distribution. Without a cache the fast phase is no
cheaper a step than the slow one: here it only asks for fewer positions.

compat="authors": the slow phase always makes `explore` forwards, settled or not, also where nothing is left to fill; and after
its first forward the fast phase shows the model the canvas up to the region's end only.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State


class SlowFast(ProgramDecoder):
    """Cycles of finding a region that is nearly sure, and of filling it in parallel."""

    family: ClassVar[str] = "slowfast"
    published: ClassVar[Published] = Published(
        state="paper",
        code="LiangrunFlora/Slow-Fast-Sampling",
        defaults="the paper's .85, .1 and 8; the function's signature has .9, .3 and 6",
        difference="the code's slow phase always makes `explore` forwards and its fast phase cuts the canvas: "
        "24.3 forwards for 14.5 on a random checkpoint",
    )
    borders: ClassVar[Borders] = Borders(
        block="the slow phase ends; with `compat` it makes the rest of its forwards", canvas="as for a block",
        state="the region's end and its estimates", over_blocks="reset",
    )  # fmt: skip
    speed = {"high": "slower", "low": "slower"}
    high: float = Field(0.85, ge=0, le=1, description="confidence from which a token is committed")
    low: float = Field(0.1, ge=0, le=1, description="confidence that a region's last position must have")
    explore: int = Field(8, ge=1, description="most steps of a slow phase")
    history: int = Field(2, ge=1, description="estimates of the end that must agree")
    spread: float = Field(1.0, gt=0, description="standard deviation below which they agree, in positions")
    compat: Literal["authors"] | None = Field(None, description="authors: a slow phase of fixed length, and a cut canvas")

    def max_forwards(self, width: int) -> int:
        """With `compat` the slow phase makes all of its forwards in every block, however short the block is."""
        return super().max_forwards(width) + (0 if self.compat is None else self.explore * width)

    def run(self, state: State) -> Run:
        while state.masked.any():
            block = state.window
            begin = block[0]
            while state.window == block:
                ends: list[int] = []
                while len(ends) < self.explore and not self._stops(ends, block, state):
                    signals = yield ForwardRequest(positions=self._open(block, state))
                    ends.append(self._end(signals, begin, block[1], state))
                    self._fill(signals, state)
                end = self._region_end(ends, block[0])
                yield from self._fast(end, block, state)
                begin = end

    def _stops(self, ends: list[int], block: tuple[int, int], state: State) -> bool:
        """Whether the slow phase ends before its last step."""
        return self.compat is None and (self._settled(ends) or state.window != block)

    def _open(self, block: tuple[int, int], state: State) -> Ints:
        """The open positions of the block; where it is full, all that a frame leaves open."""
        left = block[0] + np.flatnonzero(state.masked[slice(*block)])
        return left if left.size else state.editable(*block)

    def _settled(self, ends: list[int]) -> bool:
        return len(ends) >= self.history and float(np.std(ends[-self.history :])) < self.spread

    def _end(self, signals: Signals, begin: int, end: int, state: State) -> int:
        """One past the furthest open position that is likely at all, or past the cycle's beginning."""
        likely = signals.positions[(signals.confidence >= self.low) & state.masked[signals.positions]]
        return int(likely[-1]) + 1 if likely.size else min(begin + 1, end)

    def _region_end(self, ends: list[int], start: int) -> int:
        """Where the fast phase ends: the first estimate that was settled, or the mean of the last ones."""
        for count in range(self.history, len(ends) + 1):
            if self._settled(ends[:count]):
                return ends[count - 1]
        return start + max(1, int(np.mean(ends[-self.history :]) - start))

    def _fast(self, end: int, block: tuple[int, int], state: State) -> Run:
        canvas = None
        while (left := block[0] + np.flatnonzero(state.masked[block[0] : end])).size:
            signals = yield ForwardRequest(positions=left, canvas=canvas)
            self._fill(signals, state)
            canvas = state.canvas[:end] if self.compat == "authors" else None

    def _fill(self, signals: Signals, state: State) -> None:
        """Commit the open positions that are sure, or the most confident one where none is."""
        order = self.best_first(signals.confidence, signals.positions, state)
        order = order[state.masked[signals.positions[order]]]
        chosen = order[: max(1, int((signals.confidence[order] >= self.high).sum()))]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
