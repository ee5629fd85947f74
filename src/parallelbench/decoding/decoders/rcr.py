"""Running confidence remasking (MDPO; He et al., arXiv 2508.13148): every step may take back what it is least sure of.

A step looks at all masks of the block, ranks their candidates together with the tokens that stand, each by its probability
when it was chosen, and keeps the best K_i of them; what stood and is not kept becomes a mask again. With m positions and s
steps

* linear: K_i = K_(i-1) + k, or m shared out evenly over `steps` (as LLaDA does);
* cosine: K_i = m - floor(m cos(pi i / 2s)), at least one more than K_(i-1); needs `steps`.

So the net progress of a step is that of plain confidence decoding, with which it shares the number of forwards: one a step.
The authors' code counts no forwards, and takes a probability of 0 for "not set"; here every forward is counted and 0 is a
probability like any other. Needs nothing of the model but its distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.pace import Paced
from parallelbench.decoding.quota import Quota, Schedule
from parallelbench.decoding.signals import Floats, ForwardRequest
from parallelbench.decoding.state import COMMITTED, PROMPT, State


@dataclass(frozen=True, slots=True)
class Cosine(Quota):
    """`steps` forwards for the whole canvas, few commits at first and many at the end of each block."""

    steps: int

    def count(self, confidences: Floats, state: State) -> int:
        start, end = state.window
        status = state.status[start:end]
        total, standing = int((status != PROMPT).sum()), int((status == COMMITTED).sum())
        turns = Schedule(self.steps).turns(state)
        kept = total - np.floor(total * np.cos(math.pi / 2 * np.arange(1, turns + 1) / turns))
        return int(kept[kept > standing][0]) - standing


class RCR(Paced, ProgramDecoder):
    """Keep the best of everything chosen so far in the block, a given number more each step."""

    family: ClassVar[str] = "rcr"
    revises: ClassVar[bool] = True
    schedule: Literal["linear", "cosine"] = Field("linear", description="how many more are kept each step")

    @model_validator(mode="after")
    def _cosine_needs_steps(self) -> Self:
        if self.schedule == "cosine" and self.steps is None:
            raise ValueError("schedule=cosine needs steps; give for example steps=8")
        return self

    def run(self, state: State) -> Run:
        quota = Cosine(self.steps) if self.schedule == "cosine" and self.steps else self.quota()
        sure = np.zeros(len(state.canvas))
        while state.masked.any():
            free = state.editable(*state.window)
            signals = yield ForwardRequest()
            sure[signals.positions] = signals.confidence
            token = state.canvas.copy()
            token[signals.positions] = signals.token
            more = max(1, quota.count(signals.confidence, state))
            best = free[self.best_first(sure[free], free, state)]
            masked, standing = state.masked, len(free) - len(signals.positions)
            kept, dropped = best[: standing + more], best[standing + more :]
            fresh = kept[masked[kept]]
            state.remask(dropped[~masked[dropped]])
            state.write(fresh, token[fresh], sure[fresh])
