"""Fast-dLLM's two adaptive quotas (Wu et al., arXiv 2505.22618): confidence ranks, the confidences themselves say how many.

* threshold: commit all with confidence >= gamma; the best one always.
* factor: commit the n best, n the largest with (n + 1)(1 - c_(n)) < f; at least one. The authors' code takes one more
  where the first or the last candidate ends the search; here the formula holds.

One forward a step; needs nothing of the model but its distribution. gamma = 1 is one by one up to probabilities that
round to 1 in float32.
"""

from __future__ import annotations

from typing import ClassVar

import numpy.typing as npt
from pydantic import Field

from parallelbench.decoding import quota
from parallelbench.decoding.decoder import RankingDecoder
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State


class Threshold(RankingDecoder):
    """Commit every position at least as confident as gamma."""

    family: ClassVar[str] = "threshold"
    speed = {"gamma": "slower"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence from which a token is committed")

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> quota.Quota:
        return quota.Threshold(self.gamma)


class Factor(RankingDecoder):
    """Commit the n most confident positions with (n + 1)(1 - c_(n)) < f."""

    family: ClassVar[str] = "factor"
    speed = {"f": "faster"}
    f: float = Field(1.0, ge=0, le=100, description="bound on (n + 1)(1 - c_(n))")

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> quota.Quota:
        return quota.Factor(self.f)
