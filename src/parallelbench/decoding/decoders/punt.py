"""PUNT: parallel unmasking by tests of conditional independence (Azangulov et al., arXiv 2510.21961, algorithm 1).

Every mask of the window gets a candidate and a rank by confidence, 0 for the most confident; R holds all of them. For each bit
of the rank, highest first: fill in the candidates of the members of R with bit 0, and remove from R each member j with bit 1
and KL(p_j || p_j given the filled candidates) > epsilon. The members that remain are committed. The ranks of any two members
differ in a bit; at the first such bit the more confident one is filled in when the other is tested, so of two masks that
depend on each other the more confident one remains.

Parameters: epsilon (default 0.05; the paper uses 0.01 to 0.32). Cost: 1 + ceil(log2 m) forwards for m masks, fewer where a
test has nothing to fill in or nothing to remove. Needs only the model's distribution.

No code of the authors is public; this follows the text.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Extra, ForwardRequest
from parallelbench.decoding.state import State
from parallelbench.decoding.vocabulary import divergence, log_probs

LOGITS: frozenset[Extra] = frozenset({"logits"})


class PUNT(ProgramDecoder):
    """Commit together the masks whose distributions do not change when the others are filled in."""

    family: ClassVar[str] = "punt"
    published: ClassVar[Published] = Published(state="text only", defaults="ours, from the middle of the paper's range")
    speed = {"epsilon": "faster"}
    forwards_per_token: ClassVar[int] = 16
    epsilon: float = Field(0.05, ge=0, le=100, description="divergence in nats above which a mask depends on the others")

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
                filled, tested = order[ranks[~later]], np.sort(order[ranks[later]])
                canvas = state.canvas.copy()
                canvas[base.positions[filled]] = base.token[filled]
                seen = yield ForwardRequest(positions=base.positions[tested], canvas=canvas, extras=LOGITS, role="probe")
                moved = divergence(before[tested], log_probs(seen.logits, state.info)) > self.epsilon
                kept[np.argsort(order)[tested[moved]]] = False
            chosen = order[kept]
            state.write(base.positions[chosen], base.token[chosen], base.confidence[chosen])
