"""Stoppers: confidence decoding at a given pace that commits all the rest at once when the whole answer looks decided.

The measure is the mean, over the answer region, of the lead of the best token's logit over the second's, ln p_(1) - ln p_(2).
The region is the block being filled without the positions that a frame gives (without blocks: the canvas). The papers count its
filled positions too, which lets what stands speak for what is open; `over=masked` takes the mean over what is still open.
Progress is the filled share of the region.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.pace import Paced
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State

TINY = np.finfo(np.float32).tiny


class EarlyExit(Paced, ProgramDecoder, ABC):
    """Confidence decoding with an early exit."""

    over: Literal["region", "masked"] = Field("region", description="positions whose leads are averaged")

    @abstractmethod
    def bar(self, progress: float) -> float:
        """Return the mean lead, in logits, from which the rest is committed at this progress in [0, 1)."""

    def run(self, state: State) -> Run:
        while state.masked.any():
            region, quota = state.eligible, self.quota()
            while (masked := state.masked[region]).any():
                signals = yield ForwardRequest(positions=region, top=2)
                first, second = np.log(np.maximum(np.asarray(signals.top_p, dtype=np.float64), TINY)).T
                lead = float(np.mean((first - second)[masked if self.over == "masked" else slice(None)]))
                order = self.best_first(np.where(masked, signals.confidence, -1.0), region, state)[: int(masked.sum())]
                if lead < self.bar(1.0 - float(masked.mean())):
                    order = order[: max(1, quota.count(signals.confidence[order], state))]
                state.write(region[order], signals.token[order], signals.confidence[order])
