"""Fast-dLLM's two adaptive quotas (Wu et al., arXiv 2505.22618): confidence ranks, and the confidences say how many.

c_(n) is the n-th highest confidence among the masks of the window.

* threshold: commit every mask with confidence >= gamma, and at least the `least` most confident (default 1). With
  `strict=true` the comparison is confidence > gamma. The dynamic rule of SDAR (arXiv 2510.06303) with block length B and s
  steps a block is `threshold:gamma=G,strict=true,least=B/s` where s divides B; LLaDA2's sampler with `steps` is the same rule.
* factor: commit the n most confident masks, where n is the largest with (n + 1)(1 - c_(n)) < f, and at least one.
  compat="authors" goes down the confidences until the first n > 1 with c_(n) < 1 - f / (n + 1), and commits the n - 1 before
  it; if that n is the last of all masks, it is committed too. So two masks are always filled in one forward, and a block takes
  about one forward fewer than by the formula.

gamma defaults to 0.9 and f to 1.0, as in the authors' code. One forward a step; both need only the model's distribution. gamma
= 1 is one by one, except for confidences that round to 1.

Confidence is the probability before temperature and top-p. The published code of Fast-dLLM v2, SDAR and LLaDA2 takes it after
both, which differs at a temperature above 0. The authors' cached loops make one more forward for a block that is already full.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy.typing as npt
from pydantic import Field

from parallelbench.decoding import quota
from parallelbench.decoding.decoder import RankingDecoder
from parallelbench.decoding.published import Published
from parallelbench.decoding.ranking import elementwise
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State


class Threshold(RankingDecoder):
    """Commit every position at least as confident as gamma."""

    family: ClassVar[str] = "threshold"
    published: ClassVar[Published] = Published(
        state="equal", code="NVlabs/Fast-dLLM", defaults="the authors' scripts (gamma 0.9); SDAR's is 0.85, LLaDA2's 0.95"
    )
    speed = {"gamma": "slower", "least": "faster"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence from which a token is committed")
    least: int | None = Field(None, ge=1, description="commits per step where fewer are confident (default 1)")
    strict: Literal[True] | None = Field(None, description="true: commit above gamma only, not at gamma")

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> quota.Quota:
        return quota.Threshold(self.gamma, self.least or 1, bool(self.strict))


class Factor(RankingDecoder):
    """Commit the n most confident positions with (n + 1)(1 - c_(n)) < f."""

    family: ClassVar[str] = "factor"
    published: ClassVar[Published] = Published(
        state="paper",
        code="NVlabs/Fast-dLLM",
        defaults="the authors' scripts",
        difference="the code also commits the last mask of a block where it fails; the formula spends one more forward on it",
    )
    speed = {"f": "faster"}
    f: float = Field(1.0, ge=0, le=100, description="bound on (n + 1)(1 - c_(n))")
    compat: Literal["authors"] | None = Field(None, description="authors: the last mask is committed although it fails")

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> quota.Quota:
        return quota.Factor(self.f) if self.compat is None else quota.PublishedFactor(self.f)
