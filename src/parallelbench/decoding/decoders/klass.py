"""KLASS: commit what is both sure and stable (Kim et al., arXiv 2511.05664, section 3 and algorithm 1).

A position is committed when its confidence exceeds tau and its distribution has stopped moving:

    c_i > tau  and  KL(p_i^t || p_i^(t-1)) < eps in each of the last n steps.

Where no position is, the most confident ones are, as many as the pace says (`k` or `steps`). The history begins anew with each
block; the authors' code carries it over from the block before.

One forward a step, n of them at the start of a block before anything can be stable; needs the logits, of which one step's
[N, V] are kept. The paper tunes tau in .6 to .9 and eps in .001 to .015 for each task.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.pace import Paced
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State
from parallelbench.decoding.vocabulary import divergence, log_probs


class KLASS(Paced, ProgramDecoder):
    """Commit confident positions whose distribution is stable from step to step."""

    family: ClassVar[str] = "klass"
    speed = {"k": "faster", "steps": "slower", "tau": "slower", "eps": "faster", "n": "slower"}
    adaptive = True
    tau: float = Field(0.9, ge=0, le=1, description="confidence that must be exceeded")
    eps: float = Field(0.01, ge=0, description="divergence between steps that must not be reached, in nats")
    n: int = Field(2, ge=1, description="steps for which the distribution must have been stable")

    def run(self, state: State) -> Run:
        while state.masked.any():
            yield from self._block(state)

    def _block(self, state: State) -> Run:
        quota, block = self.quota(), state.window
        stable = np.zeros(len(state.canvas), dtype=np.int64)
        before, positions = None, state.eligible
        while state.window == block:
            signals = yield ForwardRequest(extras=frozenset({"logits"}))
            now = log_probs(signals.logits, state.info)
            if before is not None:
                moved = divergence(now, before[np.searchsorted(positions, signals.positions)])
                stable[signals.positions] = np.where(moved < self.eps, stable[signals.positions] + 1, 0)
            before, positions = now, signals.positions
            passing = (signals.confidence > self.tau) & (stable[positions] >= self.n)
            self.commit(passing, signals, state, least=max(1, quota.count(signals.confidence, state)))
