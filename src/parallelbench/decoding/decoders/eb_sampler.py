"""EB-Sampler: the entropy-bounded unmasking of Ben-Hamu et al. (arXiv 2505.24857, section 4 and algorithm 1).

Rank the open positions by an error proxy, and commit the first k of them, k the largest with

    sum_(j <= k) H_(j) - max_(j <= k) H_(j) <= gamma,

H_(j) the entropy of the j-th in nats. The left side bounds what the product of marginals can differ from the joint
(total correlation is at most that), so gamma is the information a step may lose. k = 1 always passes.

One forward a step; needs nothing of the model but its distribution. Only open positions enter the sum, in the order of their
rank. (Of public implementations one sums over every position, prompt included, and another takes the maximum over the batch.)
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State


class EBSampler(StepDecoder):
    """Commit as many positions as the entropy bound allows."""

    family: ClassVar[str] = "eb_sampler"
    published: ClassVar[Published] = Published(
        state="text only", defaults="gamma .1, the upper end of the paper's .001 to .1; public ports run .001 to .15"
    )
    speed = {"gamma": "faster"}
    gamma: float = Field(0.1, ge=0, description="bound on the information a step may lose, in nats")
    order: Literal["entropy", "confidence", "margin"] = Field("entropy", description="the error proxy that ranks positions")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(extras=frozenset({"entropy", "margin"}) if self.order == "margin" else frozenset({"entropy"}))

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        entropy = np.asarray(signals.entropy, dtype=np.float64)
        scores = {"entropy": -entropy, "confidence": signals.confidence, "margin": signals.margin}[self.order]
        order = self.best_first(np.asarray(scores), signals.positions, state)
        ranked = entropy[order]
        lost = np.cumsum(ranked) - np.maximum.accumulate(ranked)
        chosen = order[: max(1, int((lost <= self.gamma).sum()))]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
