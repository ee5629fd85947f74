"""Steps of random size, at positions in random order: the control that any selection rule must beat.

Zhao and Cai (arXiv 2602.20126) show that a random number of tokens a step makes the sampling error follow the total
correlation of the text, without a parameter that depends on it. Their idea; the distributions of sizes are simple ones chosen
here. For the m masks of a block

* without `steps` or `k` each step draws its size s with P(s) proportional to 1/s, from 1 to the number of masks that remain;
* with `steps` (or with `k`: m / k of them, rounded up) the sizes are a uniformly random composition of m into that many parts,
  so that the number of forwards is that of `random` at the same setting, and only the sizes differ.

One forward a step; needs only the model's distribution.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Published
from parallelbench.decoding.quota import Schedule
from parallelbench.decoding.signals import RANK, ForwardRequest
from parallelbench.decoding.state import State

SIZE = 8  # the lane of the draws that set the size of a step


class RandomSteps(ProgramDecoder):
    """Commit a random number of random positions each step."""

    family: ClassVar[str] = "random_steps"
    published: ClassVar[Published] = Published(state="control", defaults="no parameter")
    speed = {"k": "faster", "steps": "slower"}
    adaptive = False
    k: int | None = Field(None, ge=1, description="mean commits per step (default: sizes are drawn without a mean)")
    steps: int | None = Field(None, ge=1, description="forwards for the whole canvas, instead of k")

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.k is not None and self.steps is not None:
            raise ValueError("k and steps both set the number of forwards; set one of them")
        return self

    def run(self, state: State) -> Run:
        while state.masked.any():
            block = state.window
            planned = self._composition(state)
            while state.window == block:
                signals = yield ForwardRequest()
                size = int(planned[0]) if planned.size else self._drawn(len(signals.positions), state)
                planned = planned[1:]
                chosen = np.argsort(state.uniform(signals.positions, RANK), kind="stable")[:size]
                state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])

    def _composition(self, state: State) -> Ints:
        """The sizes of the block's steps, a random composition; empty where neither k nor steps is set."""
        masks = len(state.eligible)
        if self.k is not None:
            turns = -(-masks // self.k)
        elif self.steps is not None:
            turns = min(masks, Schedule(self.steps).turns(state))
        else:
            return np.zeros(0, dtype=np.int64)
        cuts = 1 + np.sort(np.argsort(state.uniform(np.arange(masks - 1), SIZE), kind="stable")[: turns - 1])
        return np.diff(cuts, prepend=0, append=masks)

    def _drawn(self, masks: int, state: State) -> int:
        """A size with probability proportional to its inverse."""
        chances = np.cumsum(1.0 / np.arange(1, masks + 1))
        return 1 + int(np.searchsorted(chances, state.uniform([0], SIZE)[0] * chances[-1]))
