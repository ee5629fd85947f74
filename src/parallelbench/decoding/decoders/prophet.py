"""Prophet: early answer convergence (Li et al., arXiv 2508.19982, section 4).

The rest of the answer is committed once the mean lead of the best logit reaches a bar that falls in three stages: `high` in the
first third of the progress, `middle` in the second, `low` in the last (7.5, 5 and 2.5 in the authors' code, 8, 5 and 3 in the
paper). What is measured, and where, stands in `early_exit`.

One forward a step until the exit, none after it; asks for the two best tokens at every position of the answer. It guesses: the
rest is drawn from marginals, whatever depends on what.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from parallelbench.decoding.decoders.early_exit import EarlyExit


class Prophet(EarlyExit):
    """Exit by a bar in three stages."""

    family: ClassVar[str] = "prophet"
    speed = {"k": "faster", "steps": "slower", "high": "slower", "middle": "slower", "low": "slower"}
    adaptive = True
    high: float = Field(7.5, ge=0, description="bar in the first third, in logits")
    middle: float = Field(5.0, ge=0, description="bar in the second third")
    low: float = Field(2.5, ge=0, description="bar in the last third")

    def bar(self, progress: float) -> float:
        return self.high if progress < 1 / 3 else self.middle if progress < 2 / 3 else self.low
