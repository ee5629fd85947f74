"""P2: path planning with the model as its own planner (Peng et al., arXiv 2502.03540, algorithm 1).

Each step scores every position of the window: an open one by log p(candidate), a committed one by eta log p(its token). The
k t best of them are committed or stay after step t, all others are or become masks. Open positions take their candidate,
committed ones keep their token.

compat="authors": a committed position is scored by eta log p of the model's most probable token there, whichever token it
holds, as the published code does. That remasks less: 31 times in place of 67 for 32 tokens of a random checkpoint.

Parameters: k, the net progress of a step (default 1; the paper's schedule kappa is linear), eta (default 1; 0 never remasks,
above 1 remasks more). Cost: one forward a step, ceil(m / k) for m masks. Needs of the model that it judges visible tokens
well, which masked training does not teach.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.quota import Fixed
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import MASKED, State

LEAST = 1e-300


class P2(ProgramDecoder):
    """Keep the best-scored positions, committed or not; the number kept grows by k a step."""

    family: ClassVar[str] = "p2"
    published: ClassVar[Published] = Published(
        state="paper",
        code="pengzhangzhi/Path-Planning",
        defaults="the function's (eta 1, linear); k = 1 and temperature 0 are ours (tau is 1 there, 0 in the LLaDA scripts)",
        difference="the code scores a committed position by the model's best token there, not by the token that it holds: "
        "31 remasks a decode of 32 tokens for 67",
    )
    borders: ClassVar[Borders] = Borders(state="the number of positions to keep", over_blocks="reset")
    speed = {"k": "faster"}
    adaptive = False
    revises: ClassVar[bool] = True
    k: int = Field(1, ge=1, description="tokens more after each step")
    eta: float = Field(1.0, ge=0, le=100, description="weight of a committed token's log probability")
    compat: Literal["authors"] | None = Field(None, description="authors: score committed positions by the model's best token")

    def fixed_forwards(self, blocks: Sequence[int]) -> int | None:
        return Fixed(self.k).forwards(blocks)

    def run(self, state: State) -> Run:
        while state.masked.any():
            start, end = state.window
            positions = state.editable(start, end)
            keep = 0
            while state.masked[start:end].any():
                signals = yield ForwardRequest(positions=positions, tokens=state.canvas[positions])
                keep += self.k
                open_ = state.status[positions] == MASKED
                kept = np.zeros(len(positions), dtype=bool)
                kept[self.best_first(self._score(signals, open_), positions, state)[:keep]] = True
                new = open_ & kept
                state.write(positions[new], signals.token[new], signals.confidence[new])
                state.remask(positions[~open_ & ~kept])

    def _score(self, signals: Signals, open_: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        judged = signals.confidence if self.compat == "authors" else signals.p_of
        p = np.where(open_, signals.confidence, np.asarray(judged)).astype(np.float64)
        score: npt.NDArray[np.float64] = np.where(open_, 1.0, self.eta) * np.log(np.maximum(p, LEAST))
        return score
