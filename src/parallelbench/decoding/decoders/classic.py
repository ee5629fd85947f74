"""The classic rankings of masked positions, each with k commits a step or a schedule of steps.

One forward a step; needs nothing of the model but its distribution. Scores, for candidate x0 with distribution p:

* confidence: p(x0) (MaskGIT, arXiv 2202.04200; LLaDA's low-confidence remasking, arXiv 2502.09992)
* margin: p_(1) - p_(2) (Dream, arXiv 2508.15487)
* entropy: sum p ln p, the negative entropy
* random: a uniform draw
* left_to_right: minus the position
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from parallelbench.decoding.decoder import RankingDecoder
from parallelbench.decoding.decoders.step_count import Transfer
from parallelbench.decoding.quota import Everything, Fixed, Quota
from parallelbench.decoding.ranking import elementwise
from parallelbench.decoding.signals import RANK, Extra, Signals
from parallelbench.decoding.state import State


class TopK(Transfer, RankingDecoder, ABC):
    """The best of a ranking, at a given pace."""


class Confidence(TopK):
    """Most confident first."""

    family: ClassVar[str] = "confidence"

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence


class Margin(TopK):
    """Largest lead of the best token over the second first."""

    family: ClassVar[str] = "margin"
    extras: ClassVar[frozenset[Extra]] = frozenset({"margin"})

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return np.asarray(signals.margin)


class Entropy(TopK):
    """Lowest entropy first."""

    family: ClassVar[str] = "entropy"
    extras: ClassVar[frozenset[Extra]] = frozenset({"entropy"})

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return -np.asarray(signals.entropy)


class Random(TopK):
    """Positions in random order."""

    family: ClassVar[str] = "random"

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return state.uniform(signals.positions, RANK)


class LeftToRight(TopK):
    """The next positions from the left."""

    family: ClassVar[str] = "left_to_right"

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return -signals.positions


class OneByOne(RankingDecoder):
    """The quality control: the most confident position, one forward each."""

    family: ClassVar[str] = "one_by_one"
    speed = {}
    adaptive = False

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> Quota:
        return Fixed(1)


class AllAtOnce(RankingDecoder):
    """The speed control: every position of the window in one forward."""

    family: ClassVar[str] = "all_at_once"
    speed = {}
    adaptive = False

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> Quota:
        return Everything()
