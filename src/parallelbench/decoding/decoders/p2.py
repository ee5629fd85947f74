"""P2: path planning with the model as its own planner (Peng et al., arXiv 2502.03540, algorithm 1).

Each step scores every position of the window: an open one by log p(candidate), a committed one by eta log p(its token). The
k t best of them are committed or stay after step t, all others are or become masks. Open positions take their candidate,
committed ones keep their token.

Parameters: k, the net progress of a step (default 1; the paper's schedule kappa is linear), eta (default 1; 0 never remasks,
above 1 remasks more). Cost: one forward a step, ceil(m / k) for m masks. Needs of the model that it judges visible tokens
well, which masked training does not teach.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import Floats, ForwardRequest
from parallelbench.decoding.state import MASKED, State

LEAST = np.finfo(np.float32).tiny


class P2(ProgramDecoder):
    """Keep the best-scored positions, committed or not; the number kept grows by k a step."""

    family: ClassVar[str] = "p2"
    speed = {"k": "faster"}
    adaptive = False
    revises: ClassVar[bool] = True
    k: int = Field(1, ge=1, description="tokens more after each step")
    eta: float = Field(1.0, ge=0, le=100, description="weight of a committed token's log probability")

    def run(self, state: State) -> Run:
        while state.masked.any():
            start, end = state.window
            positions = state.editable(start, end)
            keep = 0
            while state.masked[start:end].any():
                signals = yield ForwardRequest(positions=positions, tokens=state.canvas[positions])
                keep += self.k
                open_ = state.status[positions] == MASKED
                p_of = np.asarray(signals.p_of)
                score = np.where(open_, _log(signals.confidence), self.eta * _log(p_of))
                kept = np.zeros(len(positions), dtype=bool)
                kept[self.best_first(score, positions, state)[:keep]] = True
                new = open_ & kept
                state.write(positions[new], signals.token[new], signals.confidence[new])
                state.remask(positions[~open_ & ~kept])


def _log(p: Floats) -> Floats:
    logarithm: Floats = np.log(np.maximum(p, LEAST))
    return logarithm
