"""PUNT: parallel unmasking by tests of conditional independence (Azangulov et al., arXiv 2510.21961, algorithm 1).

Every open position gets a candidate and a rank by confidence, 0 the best; R holds all of them. For each bit of the rank,
highest first: show the members of R whose bit is 0, and drop from R each member j whose bit is 1 and whose distribution
moves, KL(p_j || p_j given what is shown) > epsilon. What is left in R is committed. Any two members differ in a bit, and at
the first one the better ranked is shown to the other, so of two that depend on each other the more confident stays.

Parameters: epsilon (default 0.05; the paper uses 0.01 to 0.32). Cost: 1 + ceil(log2 m) forwards for m open positions, fewer
where a test has nothing to show or to drop. Needs nothing of the model but its distribution.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import Extra, ForwardRequest
from parallelbench.decoding.state import State
from parallelbench.decoding.vocabulary import divergence, log_probs

LOGITS: frozenset[Extra] = frozenset({"logits"})


class PUNT(ProgramDecoder):
    """Commit together only what does not move when the others are shown."""

    family: ClassVar[str] = "punt"
    speed = {"epsilon": "faster"}
    forwards_per_token: ClassVar[int] = 16
    epsilon: float = Field(0.05, ge=0, le=100, description="divergence in nats from which a position depends on what is shown")

    def run(self, state: State) -> Run:
        while state.masked.any():
            base = yield ForwardRequest(extras=LOGITS)
            before = log_probs(base.logits, state.info)
            order = self.best_first(base.confidence, base.positions, state)
            kept = np.ones(len(order), dtype=bool)
            for bit in reversed(range((len(order) - 1).bit_length())):
                ranks = np.flatnonzero(kept)
                later = (ranks >> bit) & 1 == 1
                if later.all() or not later.any():
                    continue
                shown, tested = order[ranks[~later]], np.sort(order[ranks[later]])
                canvas = state.canvas.copy()
                canvas[base.positions[shown]] = base.token[shown]
                seen = yield ForwardRequest(positions=base.positions[tested], canvas=canvas, extras=LOGITS, role="probe")
                moved = divergence(before[tested], log_probs(seen.logits, state.info)) > self.epsilon
                kept[np.argsort(order)[tested[moved]]] = False
            chosen = order[kept]
            state.write(base.positions[chosen], base.token[chosen], base.confidence[chosen])
