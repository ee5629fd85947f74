"""SchED: early exit by a smooth schedule (Mohamed et al., arXiv 2512.02892, section 3).

Positions are committed in the order of falling certainty (`order`, lowest entropy first by default); the rest of the canvas is
committed once

* the mean lead of the best logit over the open positions (`over=region`: over all positions of the canvas) reaches a bar; and
* not more than a part `change` of the open positions (default 0) has another candidate than one step before. So the first step
  never exits.

The bar falls with t = (step - 1) / (T - 1):

* cosine: low + (high - low) (1 + cos(pi t)) / 2
* linear: high + (low - high) t
* exponential: low + (high - low) exp(-rate t)

The authors decode without blocks, by Dream's rule for the number of commits (`steps=T,transfer=dream`). How the exit works is
described in `early_exit`. One forward a step until the exit, none after it; asks for the two best tokens at every position of
the canvas.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoders.early_exit import EarlyExit
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State


class SchED(EarlyExit):
    """Exit by a bar that falls smoothly, once no candidate changes any more."""

    family: ClassVar[str] = "sched"
    published: ClassVar[Published] = Published(
        state="equal",
        code="amr-mohamedd/SchED",
        defaults="the function's (cosine, 7.5 to 2.5, rate 4, masked positions, no change, entropy); k = 1 is ours",
    )
    borders: ClassVar[Borders] = Borders(
        block=EarlyExit.borders.block, state="the number of forwards and the last candidates", over_blocks="carried"
    )
    careful = {"high": 1e9, "low": 1e9}
    speed = {"k": "faster", "steps": "slower", "high": "slower", "low": "slower", "rate": "faster"}
    adaptive = True
    order: Literal["confidence", "margin", "entropy"] = Field("entropy", description="which positions are committed first")
    schedule: Literal["cosine", "linear", "exponential"] = Field("cosine", description="how the bar falls")
    high: float = Field(7.5, ge=0, description="bar at the start, in logits")
    low: float = Field(2.5, ge=0, description="bar at the end (exponential: its limit)")
    rate: float = Field(4.0, gt=0, description="how fast an exponential bar falls")
    over: Literal["masked", "region"] = Field("masked", description="positions that are measured: open ones, or all")
    change: float = Field(0.0, ge=0, le=1, description="part of the open positions that may have a new candidate; 1: any")

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, above high {self.high}; give a lower one")
        return self

    def measured(self, signals: Signals, state: State) -> Ints:
        return np.flatnonzero(state.masked[signals.positions] | (self.over == "region"))

    def ready(self, signals: Signals, state: State, memory: dict[str, Any]) -> bool:
        before, memory["before"] = memory.get("before"), signals.token
        changed = signals.token != (-1 if before is None else before)
        return float(changed[state.masked[signals.positions]].mean()) <= self.change

    def bar(self, step: int, steps: int) -> float:
        t = (step - 1) / (steps - 1) if steps > 1 else 1.0
        left = {
            "linear": 1 - t,
            "cosine": (1 + math.cos(math.pi * t)) / 2,
            "exponential": math.exp(-self.rate * t),
        }[self.schedule]
        return self.low + (self.high - self.low) * left
