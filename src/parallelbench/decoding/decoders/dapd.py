"""DAPD: dependency-aware parallel decoding from attention (arXiv 2603.12996, equations 4 to 8).

A = mean over heads and the last 30 % of the layers of the attention between open positions; D = (A + A^T) / 2 with a zero
diagonal; N = D with each row divided by its largest entry. Open positions are visited in the order of falling
c_i sum_j D_ij; i is committed if N_ij <= tau for every j committed in this step before it. tau = low + (high - low) progress,
progress = share of the canvas that is no longer masked.

* staged: once progress >= 1/2, every candidate with c >= sure (0.9) is committed as well;
* direct: every candidate with c >= sure (0.998) is committed first, and the rest is visited.

Parameters: variant (default staged), low (default 0.01), high (default 0.15; the paper uses 0.02 to 0.15), sure. Cost: one
forward a step. Needs a model whose attention can be read.

The published code asks for c >= 1 in direct; its softmax is in bfloat16, where that means about 0.998, which is the default
here in any precision. Its progress counts the masks of the whole batch; here it is the sample's own.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.forward import AttentionQuery
from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import State

SURE = {"staged": 0.9, "direct": 0.998}


class DAPD(StepDecoder):
    """Commit together what does not attend to each other."""

    family: ClassVar[str] = "dapd"
    speed = {"low": "faster", "high": "faster", "sure": "slower"}
    needs: ClassVar[frozenset[Need]] = frozenset({"attention"})
    variant: Literal["staged", "direct"] = Field("staged", description="when confident candidates are committed regardless")
    low: float = Field(0.01, ge=0, le=1, description="dependence allowed at the start")
    high: float = Field(0.15, ge=0, le=1, description="dependence allowed at the end")
    sure: float | None = Field(None, ge=0, le=1, description="confidence that needs no test (0.9 staged, 0.998 direct)")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(attention=AttentionQuery("last30"))

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        progress = 1.0 - float(state.masked.mean())
        sure = signals.confidence >= np.float32(SURE[self.variant] if self.sure is None else self.sure)
        direct = self.variant == "direct"
        chosen = sure.copy() if direct or progress >= 0.5 else np.zeros_like(sure)
        d = dependence(np.asarray(signals.attention)[:, signals.positions])
        order = self.best_first(d.sum(axis=1) * signals.confidence, signals.positions, state)
        visited = order[~sure[order]] if direct else order
        chosen[independent(visited, d, self.low + (self.high - self.low) * progress)] = True
        self.commit(chosen, signals, state)


def dependence(attention: Floats) -> Floats:
    """Return (A + A^T) / 2 with a zero diagonal, [N, N]."""
    d: Floats = (attention + attention.T) / np.float32(2)
    np.fill_diagonal(d, 0.0)
    return d


def independent(order: npt.NDArray[np.intp], d: Floats, tau: float) -> list[int]:
    """Visit in order; take each one whose dependence on those taken before is at most tau of its largest."""
    tied = d > tau * d.max(axis=1, keepdims=True, initial=0.0)
    blocked = np.zeros(len(d), dtype=bool)
    taken = []
    for i in order.tolist():
        if not blocked[i]:
            taken.append(i)
            blocked |= tied[:, i]
    return taken
