"""Prophet: early answer convergence (Li et al., arXiv 2508.19982, section 4).

The rest of the canvas is committed once the mean lead of the best logit reaches a bar that falls in three stages: with the
progress p = step / T, the current step counted, it is `high` for p < .33, `middle` for p < .67 and `low` after that. Leads are
averaged over the first `region` positions that a frame leaves open, filled ones included, or over all of them. The authors
average over the five tokens of the answer behind a text that they force into the canvas ("The answer is"); our tasks have no
such text, so that the whole canvas is the default. How the exit works is described in `early_exit`.

One forward a step until the exit, none after it; asks for the two best tokens at every position of the canvas. It guesses: the
rest is drawn from marginals, whatever depends on what.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoders.early_exit import EarlyExit
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State


class Prophet(EarlyExit):
    """Exit by a bar in three stages."""

    family: ClassVar[str] = "prophet"
    published: ClassVar[Published] = Published(
        state="equal",
        code="pixeli99/Prophet",
        defaults="the code's bars (the paper has 8, 5 and 3); the region, five tokens there, is the whole canvas",
    )
    careful = {"high": 1e9, "middle": 1e9, "low": 1e9}
    speed = {"k": "faster", "steps": "slower", "high": "slower", "middle": "slower", "low": "slower"}
    adaptive = True
    high: float = Field(7.5, ge=0, description="bar in the first third, in logits")
    middle: float = Field(5.0, ge=0, description="bar in the second third")
    low: float = Field(2.5, ge=0, description="bar in the last third")
    region: int | None = Field(None, ge=1, description="positions from the canvas's start that are measured (default: all)")

    def measured(self, signals: Signals, state: State) -> Ints:
        return np.arange(len(signals.positions))[: self.region]

    def bar(self, step: int, steps: int) -> float:
        progress = step / steps
        return self.high if progress < 0.33 else self.middle if progress < 0.67 else self.low
