"""KLASS: commit what is both sure and stable (Kim et al., arXiv 2511.05664, section 3 and algorithm 1).

A position is committed when its confidence exceeds tau and its distribution has stopped moving:

    c_i > tau  and  KL(p_i^t || p_i^(t-1)) < eps in each of the last n steps.

Where no position is, the most confident ones are, as many as `k` or `steps` say. The history begins anew with each block.

compat="authors": the history is carried from block to block, so that positions of a new block may be stable from its n-th
forward on; that saves about one forward in six in blocks of 8. (With fewer steps than tokens the authors' code also stops when
the steps are used up, and leaves masks; here the block is filled.)

One forward a step, n of them at the start of a block before anything can be stable; needs the logits, of which one step's
[N, V] are kept (of all masks of the canvas where the history is carried). The paper tunes tau in .6 to .9 and eps in .001 to
.015 for each task. The authors' code for Dream asks for c_i >= tau.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.step_count import StepCount
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State
from parallelbench.decoding.vocabulary import divergence, log_probs


class KLASS(StepCount, ProgramDecoder):
    """Commit confident positions with a distribution that is stable from step to step."""

    family: ClassVar[str] = "klass"
    published: ClassVar[Published] = Published(
        state="paper",
        code="shkim0116/KLASS",
        defaults="the function's signature (.9, .01, 2); the paper tunes them for each task "
        "(LLaDA on GSM8K .6, .015; Dream .9, .001)",
        difference="the code carries the history over blocks: 5.0 forwards for 6.0 in blocks of 8 on a random checkpoint",
    )
    borders: ClassVar[Borders] = Borders(
        state="the last distribution of each open position, and for how many steps it has been stable (carried with `compat`)",
        over_blocks="reset",
    )
    speed = {"tau": "slower", "eps": "faster", "n": "slower", **StepCount.speed}
    adaptive = True
    tau: float = Field(0.9, ge=0, le=1, description="confidence that must be exceeded")
    eps: float = Field(0.01, ge=0, description="divergence between steps that must not be reached, in nats")
    n: int = Field(2, ge=1, description="steps for which the distribution must have been stable")
    compat: Literal["authors"] | None = Field(None, description="authors: carry the history from block to block")

    def run(self, state: State) -> Run:
        quota, carried = self.quota(), self.compat == "authors"
        stable = np.zeros(len(state.canvas), dtype=np.int64)
        before, positions = None, state.eligible
        while state.masked.any():
            block, turn = state.window, 0
            if not carried:
                before, stable[:] = None, 0
            while state.window == block:
                wanted = np.flatnonzero(state.masked) if carried else state.eligible
                signals = yield ForwardRequest(positions=wanted, extras=frozenset({"logits"}))
                now = log_probs(signals.logits, state.info)
                if before is not None:
                    moved = divergence(now, before[np.searchsorted(positions, signals.positions)])
                    stable[signals.positions] = np.where(moved < self.eps, stable[signals.positions] + 1, 0)
                before, positions = now, signals.positions
                ready = (signals.confidence > self.tau) & (stable[positions] >= self.n) & (turn >= self.n - 1)
                self._commit(ready, signals, max(1, quota.count(signals.confidence, state)), state)
                turn += 1

    def _commit(self, ready: npt.NDArray[np.bool_], signals: Signals, least: int, state: State) -> None:
        """Commit what is ready in the window, or the `least` most confident where nothing is."""
        order = self.best_first(signals.confidence, signals.positions, state)
        order = order[signals.positions[order] < state.window[1]]
        chosen = order[ready[order]] if ready[order].any() else order[:least]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
