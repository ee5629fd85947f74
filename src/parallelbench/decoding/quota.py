"""How many positions a step commits, given their confidences in the order of preference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from parallelbench.decoding.signals import Floats
from parallelbench.decoding.state import COMMITTED, MASKED, DecoderFault, State, States

if TYPE_CHECKING:
    from torch import Tensor


class Quota(ABC):
    """A rule for the number of commits of a step."""

    @property
    def least(self) -> int:
        """The number of commits that a step makes whatever `count` returns."""
        return 1

    @abstractmethod
    def count(self, confidences: Floats, state: State) -> int:
        """Return how many of the ranked positions to commit; `confidences` [N] are in rank order."""

    def forwards(self, blocks: Sequence[int]) -> int | None:
        """Return how many steps fill blocks with these numbers of masks; None where that depends on what the model says."""
        return None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "count" in vars(cls) and "count_each" not in vars(cls):
            cls.count_each = Quota.count_each  # type: ignore[method-assign]  # another rule than the one it was made for

    def count_each(self, confidences: Floats, states: States) -> Sequence[int] | None:
        """Return what `count` returns for each of several samples, or None where the rule has no form for all of them.

        `confidences` [N] hold the samples in turn, each in its rank order.
        """
        return None


@dataclass(frozen=True, slots=True)
class Fixed(Quota):
    """k positions a step."""

    k: int

    def __post_init__(self) -> None:
        _at_least_one("k", self.k)

    def count(self, confidences: Floats, state: State) -> int:
        return self.k

    def forwards(self, blocks: Sequence[int]) -> int:
        return sum(-(-masks // self.k) for masks in blocks)

    def count_each(self, confidences: Floats, states: States) -> Sequence[int]:
        return [self.k] * len(states.counts)


@dataclass(frozen=True, slots=True)
class Everything(Quota):
    """All eligible positions at once."""

    def count(self, confidences: Floats, state: State) -> int:
        return len(confidences)

    def forwards(self, blocks: Sequence[int]) -> int:
        return sum(masks > 0 for masks in blocks)

    def count_each(self, confidences: Floats, states: States) -> Sequence[int]:
        return states.counts


@dataclass(frozen=True, slots=True)
class Schedule(Quota):
    """`steps` forwards for the whole canvas, divided evenly between blocks, then evenly between a block's masks.

    Of b blocks the first (steps mod b) have one step more than the others, and every block at least one. Of a block's m
    masks and s steps the first (m mod s) steps commit m div s + 1, the others m div s (LLaDA, arXiv 2502.09992).
    """

    steps: int

    def __post_init__(self) -> None:
        _at_least_one("steps", self.steps)

    def turns(self, state: State) -> int:
        """How many steps the window's block has."""
        return self.turns_of(int(state.block_of(state.window[0])), state.blocks)

    def turns_of(self, block: int, blocks: int) -> int:
        """How many steps one of `blocks` blocks has."""
        per_block, more = divmod(self.steps, blocks)
        return max(1, per_block + int(block < more))

    def forwards(self, blocks: Sequence[int]) -> int:
        return sum(min(masks, self.turns_of(at, len(blocks))) for at, masks in enumerate(blocks))

    def count(self, confidences: Floats, state: State) -> int:
        start, end = state.window
        masks = int((state.status[start:end] == MASKED).sum())
        committed = int((state.status[start:end] == COMMITTED).sum())
        each, rest = divmod(masks + committed, self.turns(state))
        return each + 1 if committed < rest * (each + 1) else each


@dataclass(slots=True)
class Dream(Quota):
    """`steps` forwards for the whole canvas by Dream's rule (arXiv 2508.15487); it counts the steps of one sample.

    A block's time falls from t_0 = 1 to t_T = eps in T equal parts. Step i commits int(m (1 - t_(i+1) / t_i)) of its m
    masks, none where that is below 1, and the last step all. Arithmetic is in float32, whose rounding decides at whole
    numbers: with eps = 0 and 16 steps for 32 masks the second step commits 1 of 30 masks, because 30 (1 - 14/15)
    comes out below 2.
    """

    steps: int
    eps: float
    _window: tuple[int, int] = field(default=(-1, -1), init=False)
    _times: Tensor | None = field(default=None, init=False)
    _step: int = field(default=0, init=False)

    @property
    def least(self) -> int:
        """None: a step may commit nothing, and its forward was made all the same."""
        return 0

    def forwards(self, blocks: Sequence[int]) -> int | None:
        if self.eps < 0:
            return None  # times of both signs: what a step commits is no fraction any more
        return sum(Schedule(self.steps).turns_of(at, len(blocks)) for at, masks in enumerate(blocks) if masks)

    def count(self, confidences: Floats, state: State) -> int:
        import torch

        if self._times is None or state.window != self._window:
            self._window, self._step = state.window, 0
            self._times = torch.linspace(1, self.eps, Schedule(self.steps).turns(state) + 1)
        now, then = self._times[self._step], self._times[self._step + 1]
        self._step += 1
        masks = len(state.eligible)
        return masks if self._step >= len(self._times) - 1 else int(torch.tensor(float(masks)) * (1 - then / now))


@dataclass(frozen=True, slots=True)
class Threshold(Quota):
    """Every position whose confidence is at least gamma (above it where `strict`), and no fewer than `least` positions.

    Ranks are by confidence (Fast-dLLM, arXiv 2505.22618).
    """

    gamma: float
    least: int = 1
    strict: bool = False

    def count(self, confidences: Floats, state: State) -> int:
        return max(self.least, int(self._passing(confidences).sum()))

    def count_each(self, confidences: Floats, states: States) -> Sequence[int]:
        counts = np.bincount(states.sample[self._passing(confidences)], minlength=len(states.counts))
        return [int(count) for count in np.maximum(counts, self.least)]

    def _passing(self, confidences: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(confidences > self.gamma if self.strict else confidences >= self.gamma)


@dataclass(frozen=True, slots=True)
class Factor(Quota):
    """The largest n with (n + 1)(1 - c_(n)) < f, where c_(n) is the n-th highest confidence (Fast-dLLM, arXiv 2505.22618)."""

    f: float

    def count(self, confidences: Floats, state: State) -> int:
        n = np.arange(1, len(confidences) + 1)
        passing = np.flatnonzero((n + 1) * (1.0 - confidences.astype(np.float64)) < self.f)
        return int(passing[-1]) + 1 if passing.size else 0


@dataclass(frozen=True, slots=True)
class PublishedFactor(Quota):
    """The factor rule as Fast-dLLM's code has it.

    The search goes down the confidences c_(1), c_(2), ... and ends at the first n > 1 with c_(n) < 1 - f / (n + 1). All before
    it are committed; it is committed too if it is the last of all.
    """

    f: float

    def count(self, confidences: Floats, state: State) -> int:
        n = np.arange(2, len(confidences) + 1)
        failing = n[confidences[1:].astype(np.float64) < 1.0 - self.f / (n + 1)]
        ended = int(failing[0]) if failing.size else len(confidences)
        return ended if ended == len(confidences) else ended - 1


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise DecoderFault(f"its quota has {name}={value}, which commits nothing; give at least 1")
