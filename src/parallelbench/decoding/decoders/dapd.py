"""DAPD: dependency-aware parallel decoding from attention (arXiv 2603.12996, equations 4 to 8).

A is the attention between the masks of the window, the mean over heads and over the last 30 % of the layers; D = (A + A^T) / 2
with a zero diagonal; N is D with each row divided by its largest entry. The masks are visited in the order of falling c_i
sum_j D_ij. Mask i is committed if N_ij <= tau for every j committed before it in this step, where tau = low + (high - low)
progress, and progress is the part of the canvas that is not masked.

* staged: where progress >= 1/2, every candidate with c >= sure (0.9) is committed as well;
* direct: every candidate with c >= sure (0.998) is committed first, and the other masks are visited.

Parameters: variant (default staged), low (default 0.01) and high (default 0.15), the defaults of the authors' code (the
paper's main results have 0.01 to 0.05 on mathematics), sure (default 0.9 and 0.998). Cost: one forward a step. Needs a model
whose attention can be read.

Equal to the authors' code for one sample in float32. Theirs compares c >= 1 in the direct variant; its softmax is in bfloat16,
where c >= 1 means about c >= 0.998, so that is the default in any precision here. Its progress counts the masks of the whole
batch, and here those of the sample.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.forward import AttentionQuery
from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import State

SURE = {"staged": 0.9, "direct": 0.998}


class DAPD(StepDecoder):
    """Commit together the masks that do not attend to each other."""

    family: ClassVar[str] = "dapd"
    published: ClassVar[Published] = Published(
        state="equal", code="quasar529/DAPD", defaults="the defaults of the authors' code (tau from 0.01 to 0.15)"
    )
    speed = {"low": "faster", "high": "faster", "sure": "slower"}
    needs: ClassVar[frozenset[Need]] = frozenset({"attention"})
    variant: Literal["staged", "direct"] = Field("staged", description="when confidence alone suffices")
    low: float = Field(0.01, ge=0, le=1, description="dependence allowed at the start")
    high: float = Field(0.15, ge=0, le=1, description="dependence allowed at the end")
    sure: float | None = Field(None, ge=0, le=1, description="confidence that suffices (default 0.9 staged, 0.998 direct)")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(attention=AttentionQuery("last30"))

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        progress = 1.0 - float(state.masked.mean())
        sure = signals.confidence >= (SURE[self.variant] if self.sure is None else self.sure)
        direct = self.variant == "direct"
        chosen = sure.copy() if direct or progress >= 0.5 else np.zeros_like(sure)
        d = dependence(np.asarray(signals.attention)[:, signals.positions])
        order = self.best_first(d.sum(axis=1) * signals.confidence, signals.positions, state)
        visited = order[~sure[order]] if direct else order
        chosen[independent(visited, d, self.low + (self.high - self.low) * progress)] = True
        self.commit(chosen, signals, state)


def dependence(attention: Floats) -> Floats:
    """Return (A + A^T) / 2 with a zero diagonal, [N, N]."""
    d: Floats = (attention + attention.T) / 2
    np.fill_diagonal(d, 0.0)
    return d


def independent(order: npt.NDArray[np.intp], d: Floats, tau: float) -> list[int]:
    """Visit positions in order; take each with D_ij <= tau max_k D_ik for every j taken before it."""
    tied = d > tau * d.max(axis=1, keepdims=True, initial=0.0)
    blocked = np.zeros(len(d), dtype=bool)
    taken = []
    for i in order.tolist():
        if not blocked[i]:
            taken.append(i)
            blocked |= tied[:, i]
    return taken
