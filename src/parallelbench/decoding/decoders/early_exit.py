"""Stoppers: decoding with a given number of steps that commits all the rest at once when the whole answer looks decided.

At each step the lead of the best token's logit over the second's, ln p_(1) - ln p_(2), is averaged over a region of the canvas
and compared with a bar that falls with the progress. Once the mean reaches it, every mask of the canvas is committed with its
candidate of that forward, in later blocks too, and the decode ends; else the step commits as many positions of the block as `k`
or `steps` say. Progress counts forwards, T being the number that the canvas takes without an exit.

Positions that a frame gives are no part of the region.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.step_count import Transfer
from parallelbench.decoding.published import Borders
from parallelbench.decoding.signals import Extra, Floats, ForwardRequest, Signals
from parallelbench.decoding.state import State

TINY = 1e-300


class EarlyExit(Transfer, ProgramDecoder, ABC):
    """Decoding with an early exit."""

    borders: ClassVar[Borders] = Borders(
        block="the next block begins; an exit fills all later blocks at once",
        state="the number of forwards",
        over_blocks="carried",
    )
    order: Literal["confidence", "margin", "entropy"] = Field("confidence", description="which positions are committed first")

    @abstractmethod
    def measured(self, signals: Signals, state: State) -> Ints:
        """The indices of the positions over which leads are averaged; `signals` has all that a frame leaves open."""

    @abstractmethod
    def bar(self, step: int, steps: int) -> float:
        """Return the mean lead, in logits, from which the rest is committed at this step (from 1) of so many."""

    def ready(self, signals: Signals, state: State, memory: dict[str, Any]) -> bool:
        """Whether an exit is possible at all at this step."""
        return True

    def run(self, state: State) -> Run:
        memory: dict[str, Any] = {}
        region, quota, step = state.editable(0, len(state.canvas)), self.quota(), 0
        steps = self._steps(state)
        extras: frozenset[Extra] = frozenset() if self.order == "confidence" else frozenset({self.order})
        while state.masked.any():
            signals = yield ForwardRequest(positions=region, top=2, extras=extras)
            step += 1
            lead = float(np.mean(_leads(signals)[self.measured(signals, state)]))
            ready = self.ready(signals, state, memory)
            rank = region[self.best_first(self._score(signals), region, state)]
            chosen = rank[state.masked[rank]]
            if not (ready and lead >= self.bar(step, steps)):
                chosen = chosen[chosen < state.window[1]]
                chosen = chosen[: max(quota.least, quota.count(signals.confidence, state))]
            at = np.searchsorted(region, chosen)
            state.write(chosen, signals.token[at], signals.confidence[at])

    def _score(self, signals: Signals) -> Floats:
        """What ranks positions."""
        if self.order == "entropy":
            return -np.asarray(signals.entropy)
        return np.asarray(signals.margin) if self.order == "margin" else signals.confidence

    def _steps(self, state: State) -> int:
        """The forwards that the canvas takes without an exit."""
        if self.steps is not None:
            return self.steps
        blocks = state.block_of(np.flatnonzero(state.masked))
        return int(sum(-(-count // (self.k or 1)) for count in np.unique(blocks, return_counts=True)[1]))


def _leads(signals: Signals) -> Floats:
    first, second = np.log(np.maximum(np.asarray(signals.top_p, dtype=np.float64), TINY)).T
    leads: Floats = first - second
    return leads
