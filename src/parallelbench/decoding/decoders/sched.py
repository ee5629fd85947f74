"""SchED: early exit by a smooth schedule (Mohamed et al., arXiv 2512.02892, section 3).

The test of Prophet with a bar that falls smoothly with the progress p:

* linear: high + (low - high) p
* cosine: low + (high - low) (1 + cos(pi p)) / 2
* exponential: low + (high - low) exp(-rate p)

What is measured, and where, stands in `early_exit`. One forward a step until the exit, none after it; asks for the two best
tokens at every position of the answer.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from parallelbench.decoding.decoders.early_exit import EarlyExit


class SchED(EarlyExit):
    """Exit by a bar that falls smoothly."""

    family: ClassVar[str] = "sched"
    speed = {"k": "faster", "steps": "slower", "high": "slower", "low": "slower", "rate": "faster"}
    adaptive = True
    schedule: Literal["linear", "cosine", "exponential"] = Field("linear", description="how the bar falls")
    high: float = Field(7.5, ge=0, description="bar at the start, in logits")
    low: float = Field(0.0, ge=0, description="bar at the end (exponential: its limit)")
    rate: float = Field(4.0, gt=0, description="how fast an exponential bar falls")

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, above high {self.high}; give a lower one")
        return self

    def bar(self, progress: float) -> float:
        left = {
            "linear": 1 - progress,
            "cosine": (1 + math.cos(math.pi * progress)) / 2,
            "exponential": math.exp(-self.rate * progress),
        }[self.schedule]
        return self.low + (self.high - self.low) * left
