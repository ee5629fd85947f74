"""WINO: wide-in, narrow-out, revocable parallel decoding (Hong et al., arXiv 2507.18578).

One forward gives two views of the window: of each mask its candidate and the candidate's probability c, and of each committed
token x_i its probability q_i = p(x_i | all tokens but x_i), which is read from a shadow mask at the same position. Other
tokens do not see the shadow masks.

* wide in: commit the m masks with c > gamma, at most int(0.7 M) of the window's M masks (never fewer than 5 nor more than 20),
  and at least the most confident one;
* narrow out: if m > 1, remask the tokens committed in earlier steps with q < back, lowest q first, at most one fewer than the
  step before committed. So every step leaves fewer masks than there were.

Parameters: gamma (default 0.6) and back (default 0.9), the defaults of the authors' code. Cost: one forward a step with L + B
query tokens, where B is the length of the window. Needs a model that offers shadow masks.

Difference from the authors' code: their shadow masks see each other, so q_i is computed beside as many more masks as the
window has. Here each shadow mask sees the tokens of the row only, which is what the formula says; compat="authors" lets them
see each other. On the exact model both are the same, because there a mask carries no information.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import COMMITTED, MASKED, State

WIDE, LEAST, MOST = 0.7, 5, 20


class WINO(StepDecoder):
    """Commit generously, and remask the tokens that the others do not confirm."""

    family: ClassVar[str] = "wino"
    published: ClassVar[Published] = Published(
        state="ours",
        code="Feng-Hong/WINO-DLLM",
        defaults="the defaults of the authors' code",
        difference="a shadow mask sees no other shadow mask, so q is the probability given the other tokens and nothing else",
    )
    borders: ClassVar[Borders] = Borders(state="how many tokens the step before committed", over_blocks="carried")
    speed = {"gamma": "slower"}
    needs: ClassVar[frozenset[Need]] = frozenset({"shadow"})
    revises: ClassVar[bool] = True
    gamma: float = Field(0.6, ge=0, le=1, description="confidence above which a mask is committed")
    back: float = Field(0.9, ge=0, le=1, description="leave-one-out probability below which a token is remasked")
    compat: Literal["authors"] | None = Field(None, description="authors: the shadow masks see each other")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(positions=state.editable(*state.window), shadow="shared" if self.compat else "separate")

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        status = state.status[signals.positions]
        open_, committed = np.flatnonzero(status == MASKED), np.flatnonzero(status == COMMITTED)
        order = open_[self.best_first(signals.confidence[open_], signals.positions[open_], state)]
        confident = int((signals.confidence[order] > self.gamma).sum())
        count = max(1, min(confident, int(np.clip(WIDE * len(order), LEAST, MOST)), len(order)))
        chosen = order[:count]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
        if count > 1:
            q = np.asarray(signals.shadow_p)[committed]
            worst = committed[np.argsort(q, kind="stable")]
            doubtful = worst[np.sort(q, kind="stable") < self.back][: memory.get("before", 1) - 1]
            state.remask(signals.positions[doubtful])
        memory["before"] = count
