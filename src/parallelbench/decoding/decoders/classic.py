"""The classic rankings of masked positions, each with k commits a step or a schedule of steps.

One forward a step; needs nothing of the model but its distribution. Scores, for candidate x0 with distribution p:

* confidence: p(x0) (MaskGIT, arXiv 2202.04200; LLaDA's low-confidence remasking, arXiv 2502.09992)
* margin: p_(1) - p_(2) (Dream, arXiv 2508.15487)
* entropy: sum p ln p, the negative entropy
* random: a uniform draw
* left_to_right: minus the position
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from parallelbench.decoding.decoder import Score
from parallelbench.decoding.quota import Everything, Fixed, Quota, Schedule
from parallelbench.decoding.signals import RANK, Extra, Signals
from parallelbench.decoding.state import State


class TopK(Score):
    """k commits a step, or as many as `steps` forwards for the whole canvas ask for."""

    k: int | None = Field(None, ge=1, description="commits per step (default 1)")
    steps: int | None = Field(None, ge=1, description="forwards for the whole canvas, instead of k")

    @model_validator(mode="before")
    @classmethod
    def _one_quota(cls, options: dict[str, object]) -> dict[str, object]:
        if options.get("k") is None and options.get("steps") is None:
            return {**options, "k": 1}
        return options

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.k is not None and self.steps is not None:
            raise ValueError("k and steps say the same thing twice; give one of them")
        return self

    def quota(self) -> Quota:
        return Fixed(self.k) if self.k is not None else Schedule(self.steps or 1)


class Confidence(TopK):
    """Most confident first."""

    family: ClassVar[str] = "confidence"

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence


class Margin(TopK):
    """Largest lead of the best token over the second first."""

    family: ClassVar[str] = "margin"
    extras: ClassVar[frozenset[Extra]] = frozenset({"margin"})

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return np.asarray(signals.margin)


class Entropy(TopK):
    """Lowest entropy first."""

    family: ClassVar[str] = "entropy"
    extras: ClassVar[frozenset[Extra]] = frozenset({"entropy"})

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return -np.asarray(signals.entropy)


class Random(TopK):
    """Positions in random order."""

    family: ClassVar[str] = "random"

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return state.uniform(signals.positions, RANK)


class LeftToRight(TopK):
    """The next positions from the left."""

    family: ClassVar[str] = "left_to_right"

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return -signals.positions


class OneByOne(Score):
    """The quality control: the most confident position, one forward each."""

    family: ClassVar[str] = "one_by_one"

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> Quota:
        return Fixed(1)


class AllAtOnce(Score):
    """The speed control: every position of the window in one forward."""

    family: ClassVar[str] = "all_at_once"

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> Quota:
        return Everything()
