"""LLaDA2.1's decoding, and its variant that remasks: tokens are committed and reconsidered in the same forward.

Both look at every position of the window at each step, committed ones included. Masks: commit each candidate with c > gamma,
at least the best. Committed tokens:

* joint_edit (LLaDA2.1, arXiv 2602.08676): write the candidate over the token where it is another one with p > edit.
* t2m (arXiv 2604.18738): remask instead, where the token x is suspect: detect="low": p(x) < 0.3; "trigger": another token has
  p > 0.9; "change": p(x) fell by more than 0.3 since the step before (a rise is no reason, and the first step at which a block
  has committed tokens remasks none). No position more than `limit` times, at most a quarter of the committed tokens a step,
  the most suspect first.

When no mask is left the window is looked at up to `post` times more, until nothing changes any more.

Parameters: gamma (default 0.7, LLaDA2.1's quality mode; 0.5 is its speed mode, and the authors' functions have 0.95), post
(default 16), edit (default 0.5, quality mode; 0 in speed mode, 0.9 in the function), detect and at (none: the value above;
the function has 0.5 for low), limit (default 1, the paper's; 5 in the function). Cost: one forward a step, and at least one
more for each window unless post = 0. Made for models that were trained to judge visible tokens; others may be run, with a
warning.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import COMMITTED, MASKED, State

Mask = npt.NDArray[np.bool_]
REMASKED = 0.25  # of a window's committed tokens, at most, in one step
SUSPECT = {"low": 0.3, "trigger": 0.9, "change": 0.3}


class Reconsidering(ProgramDecoder, ABC):
    """The loop of both: commit masks, then revise what was committed before."""

    borders: ClassVar[Borders] = Borders(
        block="up to `post` more forwards revise it", canvas="up to `post` more forwards revise the last block"
    )
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
        sure = signals.confidence[open_] > self.gamma
        sure[self.best_first(signals.confidence[open_], signals.positions[open_], state)[:1]] = True
        chosen = open_[sure]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])


class JointEdit(Reconsidering):
    """Overwrite a token where the model is confident of another."""

    family: ClassVar[str] = "joint_edit"
    published: ClassVar[Published] = Published(
        state="equal", code="synsis/remasked_DLM (its copy of LLaDA2.1's generate)", defaults="LLaDA2.1's quality mode (.7, .5)"
    )
    edit: float = Field(0.5, ge=0, le=1, description="confidence above which another token replaces a committed one")

    def revise(self, signals: Signals, old: Mask, state: State, memory: dict[str, Floats]) -> None:
        changed = old & (signals.confidence > self.edit)
        state.write(signals.positions[changed], signals.token[changed], signals.confidence[changed])


class T2M(Reconsidering):
    """Remask a token that looks suspect."""

    family: ClassVar[str] = "t2m"
    published: ClassVar[Published] = Published(
        state="equal",
        code="synsis/remasked_DLM",
        defaults="gamma of LLaDA2.1's quality mode; at .3 and limit 1, the paper's main setting",
    )
    borders: ClassVar[Borders] = Borders(
        block="up to `post` more forwards revise it", canvas="up to `post` more forwards revise the last block",
        state="remasks of each position, and its token's probability one step before", over_blocks="reset",
    )  # fmt: skip
    detect: Literal["low", "trigger", "change"] = Field("low", description="what makes a committed token suspect")
    at: float | None = Field(None, ge=0, le=1, description="threshold of the detection")
    limit: int = Field(1, ge=0, le=10, description="times a position may be remasked")

    def revise(self, signals: Signals, old: Mask, state: State, memory: dict[str, Floats]) -> None:
        where = signals.positions
        times = memory.setdefault("times", np.zeros(len(state.canvas)))
        before = memory.setdefault("before", np.full(len(state.canvas), np.nan))
        if not old.any():
            before[where] = np.nan
            return
        suspect, doubt = self._suspect(signals, before[where], state)
        suspect &= old & (times[where] < self.limit)
        worst = np.argsort(np.where(suspect, -doubt, np.inf), kind="stable")[: max(1, int(REMASKED * old.sum()))]
        chosen = worst[suspect[worst]]
        before[where] = np.where(old, np.asarray(signals.p_of), signals.confidence)
        times[where[chosen]] += 1
        state.remask(where[chosen])

    def _suspect(self, signals: Signals, before: Floats, state: State) -> tuple[Mask, Floats]:
        """Whether each token is suspect, and how much."""
        least = SUSPECT[self.detect] if self.at is None else self.at
        p_of = np.asarray(signals.p_of)
        if self.detect == "low":
            return p_of < least, -p_of
        if self.detect == "trigger":
            return (signals.token != state.canvas[signals.positions]) & (signals.confidence > least), signals.confidence
        fall = before - p_of
        return fall > least, fall
