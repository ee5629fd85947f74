"""Running confidence remasking (MDPO; He et al., arXiv 2508.13148): every step may remask what the model was least sure of.

A step fills every mask up to the end of the block with its candidate, remembers the probability that the candidate had, and
then remasks the positions of lowest remembered probability, in the whole canvas up to there and also in blocks that were
full, until m - K_i masks are left. With m masks at the start of a block and s steps for it,

* linear: K_i = i k, or ceil(i m / s) with `steps`;
* cosine: K_i = m - floor(m cos(pi i / 2s)); needs `steps`. Two K_i may be equal: such a step only revises.

So the net progress of a step is that of plain confidence decoding, with which it has the number of forwards in common: one a
step, and `steps` in all. The authors' code counts no forwards and takes a probability of 0 for "not set"; here every forward
is counted and 0 is a probability like any other. Needs nothing of the model but its distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.step_count import StepCount
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.quota import Schedule
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State


class RCR(StepCount, ProgramDecoder):
    """Keep the best of everything chosen so far, a given number more each step."""

    family: ClassVar[str] = "rcr"
    published: ClassVar[Published] = Published(
        state="equal",
        code="autonomousvision/mdpo",
        defaults="linear, the function's default; k = 1 is ours (there two tokens a step)",
    )
    borders: ClassVar[Borders] = Borders(
        block="its last step remasks nothing; steps of later blocks may remask its positions",
        state="the probability that each token had when it was chosen",
        over_blocks="carried",
    )
    revises: ClassVar[bool] = True
    schedule: Literal["linear", "cosine"] = Field("linear", description="how many more are kept each step")

    @model_validator(mode="after")
    def _cosine_needs_steps(self) -> Self:
        if self.schedule == "cosine" and self.steps is None:
            raise ValueError("schedule=cosine needs steps; give for example steps=8")
        return self

    def max_forwards(self, width: int) -> int:
        """As many steps as were given, however short the canvas."""
        return super().max_forwards(width) + (self.steps or 0)

    def fixed_forwards(self, blocks: Sequence[int]) -> int | None:
        if self.steps is None:
            return self.quota().forwards(blocks)
        schedule = Schedule(self.steps)  # every step makes a forward, also one that only revises
        return sum(schedule.turns_of(at, len(blocks)) for at, masks in enumerate(blocks) if masks)

    def run(self, state: State) -> Run:
        sure = np.zeros(len(state.canvas))
        while state.masked.any():
            end = state.window[1]
            for left in self._left(len(state.eligible), state):
                signals = yield ForwardRequest(positions=np.flatnonzero(state.masked[:end]))
                sure[signals.positions] = signals.confidence
                free = state.editable(0, end)
                best = free[self.best_first(sure[free], free, state)]
                dropped = best[len(best) - left :]
                fresh = ~np.isin(signals.positions, dropped)
                at = signals.positions[fresh]
                state.remask(dropped[~state.masked[dropped]])
                state.write(at, signals.token[fresh], signals.confidence[fresh])

    def _left(self, masks: int, state: State) -> Ints:
        """The number of masks after each step of the block."""
        turns = self.turns(state)
        step = np.arange(1, turns + 1)
        if self.k is not None:
            return np.maximum(masks - self.k * step, 0)
        if self.schedule == "linear":
            return masks - -(-step * masks // turns)
        return np.floor(masks * np.cos(math.pi / 2 * step / turns) + 1e-9).astype(np.int64)
