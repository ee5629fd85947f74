"""WINO: wide-in, narrow-out, revocable parallel decoding (Hong et al., arXiv 2507.18578).

One forward gives two views of the window: of each mask its candidate and confidence c, and of each committed token x_i its
probability q_i = p(x_i | everything but x_i), read from a shadow mask at the same position that all others do not see.

* wide in: commit the masks with c > gamma, at most 70 % of them (between 5 and 20), at least the best;
* narrow out: if more than one was committed, remask the tokens committed before with q < back, least q first, at most one less
  than the step before committed, so that every step is net progress.

Parameters: gamma (default 0.6), back (default 0.9). Cost: one forward a step over L + B query tokens, B the window. Needs a
model that serves shadows.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import COMMITTED, MASKED, State

WIDE, LEAST, MOST = 0.7, 5, 20


class WINO(StepDecoder):
    """Commit generously, take back what the rest does not confirm."""

    family: ClassVar[str] = "wino"
    speed = {"gamma": "slower"}
    needs: ClassVar[frozenset[Need]] = frozenset({"shadow"})
    revises: ClassVar[bool] = True
    gamma: float = Field(0.6, ge=0, le=1, description="confidence above which a mask is committed")
    back: float = Field(0.9, ge=0, le=1, description="leave-one-out probability below which a token is remasked")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(positions=state.editable(*state.window), shadow=True)

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        status = state.status[signals.positions]
        open_, committed = np.flatnonzero(status == MASKED), np.flatnonzero(status == COMMITTED)
        order = open_[self.best_first(signals.confidence[open_], signals.positions[open_], state)]
        confident = int((signals.confidence[order] > np.float32(self.gamma)).sum())
        count = max(1, min(confident, int(np.clip(WIDE * len(order), LEAST, MOST)), len(order)))
        chosen = order[:count]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
        if count > 1:
            q = np.asarray(signals.shadow_p)[committed]
            worst = committed[np.argsort(q, kind="stable")]
            doubtful = worst[np.sort(q, kind="stable") < np.float32(self.back)][: memory.get("before", 1) - 1]
            state.remask(signals.positions[doubtful])
        memory["before"] = count
