"""Hierarchical decoding (dInfer; Ma et al., arXiv 2510.08666): each run of masks is split at its surest position.

A step commits in every contiguous run of open positions the most confident one if its confidence exceeds `low`, every position
whose confidence exceeds gamma, and always the most confident of all. Commits that fall together so stand apart, and runs are
cut as by a binary tree.

One forward a step; needs nothing of the model but its distribution.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State


class Hierarchical(StepDecoder):
    """The surest position of each run of masks, and every sure one."""

    family: ClassVar[str] = "hierarchical"
    published: ClassVar[Published] = Published(
        state="equal",
        code="inclusionAI/dInfer",
        defaults="the function's signature (.9, .4); its scripts have .9, .3 and .8, .5",
    )
    speed = {"gamma": "slower", "low": "slower"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence above which a position is committed")
    low: float = Field(0.4, ge=0, le=1, description="confidence above which the best of a run is committed")

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        begins = np.diff(signals.positions, prepend=-2) > 1
        run = np.cumsum(begins) - 1
        order = self.best_first(signals.confidence, signals.positions, state)
        best = order[np.unique(run[order], return_index=True)[1]]
        passing = signals.confidence > self.gamma
        passing[best] |= signals.confidence[best] > self.low
        self.commit(passing, signals, state)
