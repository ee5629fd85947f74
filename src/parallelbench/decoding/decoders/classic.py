"""The classic rankings of masks, each with k commits a step or with a number of steps for the canvas.

The scores, for the candidate x0 with distribution p:

* confidence: p(x0) (MaskGIT, arXiv 2202.04200; LLaDA's low-confidence remasking, arXiv 2502.09992)
* margin: p_(1) - p_(2), the lead of the most probable token over the second (Dream, arXiv 2508.15487)
* entropy: sum p ln p, the negative entropy
* random: a uniform draw
* left_to_right: minus the position

One forward a step; all need only the model's distribution. With `steps` each block gets its part of them, and the first steps
of a block commit one more where its masks do not divide evenly, as in LLaDA's code.
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from parallelbench.decoding.decoder import RankingDecoder
from parallelbench.decoding.decoders.step_count import Transfer
from parallelbench.decoding.published import Published
from parallelbench.decoding.quota import Everything, Fixed, Quota
from parallelbench.decoding.ranking import elementwise
from parallelbench.decoding.signals import RANK, Extra, Signals
from parallelbench.decoding.state import State

CONTROL = Published(state="control", defaults="none")
LLADA = Published(state="equal", code="ML-GSAI/LLaDA", defaults="one token a step, the setting for quality")
DREAM = Published(state="equal", code="DreamLM/Dream", defaults="one token a step, the setting for quality")


class TopK(Transfer, RankingDecoder, ABC):
    """Commit the best positions of a ranking, k a step."""


class Confidence(TopK):
    """Commit the most confident positions first."""

    family: ClassVar[str] = "confidence"
    published: ClassVar[Published] = LLADA

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence


class Margin(TopK):
    """Commit the positions with the largest margin first."""

    family: ClassVar[str] = "margin"
    published: ClassVar[Published] = DREAM
    extras: ClassVar[frozenset[Extra]] = frozenset({"margin"})

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return np.asarray(signals.margin)


class Entropy(TopK):
    """Commit the positions with the lowest entropy first."""

    family: ClassVar[str] = "entropy"
    published: ClassVar[Published] = DREAM
    extras: ClassVar[frozenset[Extra]] = frozenset({"entropy"})

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return -np.asarray(signals.entropy)


class Random(TopK):
    """Commit positions in random order."""

    family: ClassVar[str] = "random"
    published: ClassVar[Published] = CONTROL

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return state.uniform(signals.positions, RANK)


class LeftToRight(TopK):
    """Commit the leftmost positions."""

    family: ClassVar[str] = "left_to_right"
    published: ClassVar[Published] = CONTROL

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return -signals.positions


class OneByOne(RankingDecoder):
    """The control for quality: commit the most confident position, one a forward."""

    family: ClassVar[str] = "one_by_one"
    published: ClassVar[Published] = CONTROL
    speed = {}
    adaptive = False

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> Quota:
        return Fixed(1)


class AllAtOnce(RankingDecoder):
    """The control for speed: commit every position of the window in one forward."""

    family: ClassVar[str] = "all_at_once"
    published: ClassVar[Published] = CONTROL
    speed = {}
    adaptive = False

    @elementwise
    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        return signals.confidence

    def quota(self) -> Quota:
        return Everything()
