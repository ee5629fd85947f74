"""LLaDA2.1's decoding, and its variant that remasks: tokens are committed and reconsidered in the same forward.

Both look at every position of the window at each step, committed ones included. Masks: commit each candidate with c > gamma,
at least the best. Committed tokens:

* joint_edit (LLaDA2.1, arXiv 2602.08676): write the candidate over the token where it is another one with p > edit.
* t2m (arXiv 2604.18738): remask instead, where the token x is suspect: detect="low": p(x) < 0.5; "trigger": another token has
  p > 0.9; "change": |p(x) - p(x) one step before| > 0.3. No position more than `limit` times, at most a quarter of the
  committed tokens a step, the most suspect first.

When no mask is left the window is looked at up to `post` times more, until nothing changes any more.

Parameters: gamma (default 0.7; the authors use 0.5 for speed to 0.95), post (default 16), edit (default 0.5; the authors use 0
to 0.9), detect and at (none: the value above), limit (default 3). Cost: one forward a step, and at least one more for each
window unless post = 0. Made for models that were trained to judge visible tokens; others may be run, with a warning.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import COMMITTED, MASKED, State

Mask = npt.NDArray[np.bool_]
SHARE = 0.25
SUSPECT = {"low": 0.5, "trigger": 0.9, "change": 0.3}


class Reconsidering(ProgramDecoder, ABC):
    """The loop of both: commit masks, then revise what was committed before."""

    speed = {"gamma": "slower"}
    needs: ClassVar[frozenset[Need]] = frozenset({"edit"})
    revises: ClassVar[bool] = True
    forwards_per_token: ClassVar[int] = 24
    gamma: float = Field(0.7, ge=0, le=1, description="confidence above which a mask is committed")
    post: int = Field(16, ge=0, le=20, description="looks at a window that has no masks left, at most")

    @abstractmethod
    def revise(self, signals: Signals, old: Mask, state: State, memory: dict[str, Floats]) -> None:
        """Change committed tokens; `old` [N] says which of the signals' positions were committed before this step."""

    def run(self, state: State) -> Run:
        memory: dict[str, Floats] = {}
        while state.masked.any():
            start, end = state.window
            positions = state.editable(start, end)
            looks = self.post
            while True:
                signals = yield ForwardRequest(positions=positions, tokens=state.canvas[positions])
                old = state.status[positions] == COMMITTED
                self._commit(signals, state)
                self.revise(signals, old, state, memory)
                if state.masked[start:end].any():
                    continue
                if looks == 0 or not state.history[-1]:
                    break
                looks -= 1

    def _commit(self, signals: Signals, state: State) -> None:
        open_ = np.flatnonzero(state.status[signals.positions] == MASKED)
        sure = signals.confidence[open_] > np.float32(self.gamma)
        sure[self.best_first(signals.confidence[open_], signals.positions[open_], state)[:1]] = True
        chosen = open_[sure]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])


class JointEdit(Reconsidering):
    """Overwrite a token where the model is confident of another."""

    family: ClassVar[str] = "joint_edit"
    edit: float = Field(0.5, ge=0, le=1, description="confidence above which another token replaces a committed one")

    def revise(self, signals: Signals, old: Mask, state: State, memory: dict[str, Floats]) -> None:
        changed = old & (signals.confidence > np.float32(self.edit))
        state.write(signals.positions[changed], signals.token[changed], signals.confidence[changed])


class T2M(Reconsidering):
    """Remask a token that looks suspect."""

    family: ClassVar[str] = "t2m"
    detect: Literal["low", "trigger", "change"] = Field("low", description="what makes a committed token suspect")
    at: float | None = Field(None, ge=0, le=1, description="threshold of the detection")
    limit: int = Field(3, ge=0, le=10, description="times a position may be remasked")

    def revise(self, signals: Signals, old: Mask, state: State, memory: dict[str, Floats]) -> None:
        where = signals.positions
        times = memory.setdefault("times", np.zeros(len(state.canvas), dtype=np.float32))
        before = memory.setdefault("before", np.zeros(len(state.canvas), dtype=np.float32))
        p_of = np.asarray(signals.p_of)
        doubt = self._doubt(signals, p_of, before[where], state)
        least = np.float32(SUSPECT[self.detect] if self.at is None else self.at)
        suspect = old & (doubt > (1 - least if self.detect == "low" else least)) & (times[where] < self.limit)
        worst = np.argsort(np.where(suspect, -doubt, np.inf), kind="stable")[: max(1, int(SHARE * old.sum()))]
        chosen = worst[suspect[worst]]
        before[where] = np.where(old, p_of, signals.confidence)
        times[where[chosen]] += 1
        state.remask(where[chosen])

    def _doubt(self, signals: Signals, p_of: Floats, before: Floats, state: State) -> Floats:
        """How suspect each token is, in [0, 1]."""
        if self.detect == "low":
            return np.float32(1) - p_of
        if self.detect == "trigger":
            return np.where(signals.token != state.canvas[signals.positions], signals.confidence, np.float32(0))
        change: Floats = np.abs(p_of - before)
        return change
