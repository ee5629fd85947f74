"""LocalLeap (arXiv 2510.07081): a sure position makes its neighbours easier to accept.

Anchors are the open positions with c_i >= gamma. Every open position within `radius` of an anchor is committed from the lower
confidence `relaxed` on, every other from gamma on; the most confident one always.

One forward a step; needs nothing of the model but its distribution.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State


class LocalLeap(StepDecoder):
    """A threshold that is lower beside positions that pass it."""

    family: ClassVar[str] = "local_leap"
    published: ClassVar[Published] = Published(
        state="equal", code="lizhuo-luo/DAWN (its copy of LocalLeap)", defaults="the function's (.9, .75, 4)"
    )
    speed = {"gamma": "slower", "relaxed": "slower", "radius": "faster"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence that makes an anchor")
    relaxed: float = Field(0.75, ge=0, le=1, description="confidence that is enough near an anchor")
    radius: int = Field(4, ge=0, description="how far an anchor reaches, in positions")

    @model_validator(mode="after")
    def _relaxed_is_lower(self) -> Self:
        if self.relaxed > self.gamma:
            raise ValueError(f"relaxed is {self.relaxed}, above gamma {self.gamma}; give a lower one")
        return self

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        anchors = signals.confidence >= self.gamma
        reach = np.abs(signals.positions[:, None] - signals.positions[anchors]) <= self.radius
        self.commit(reach.any(axis=1) & (signals.confidence >= self.relaxed), signals, state)
