"""Dilated unmasking (Luxembourg et al., arXiv 2506.19037): the order is fixed, and neighbours are never committed together.

A block of B open positions is filled in levels l = 1, 2, ..., ceil(log_base B): level l commits those not yet filled whose
place in the block is a multiple of ceil(B / base^l). Places count open positions, so that a frame between them changes nothing.

One forward a level, so about log_base(B) a block; looks at nothing but places. `skip` leaves positions less confident than
that for later levels, the last of which is repeated until the block is full, with at least one commit a forward. (A public port
does not come back to what it skipped, and leaves masks.)
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State


class DUS(ProgramDecoder):
    """Every (B / base)-th position, then every (B / base^2)-th, and so on to all."""

    family: ClassVar[str] = "dus"
    speed = {"base": "faster", "skip": "slower"}
    adaptive = False
    base: int = Field(2, ge=2, description="factor by which the spacing falls from level to level")
    skip: float = Field(0.0, ge=0, le=1, description="confidence below which a position is left for a later level")

    def run(self, state: State) -> Run:
        while state.masked.any():
            block = state.eligible
            place = np.zeros(len(state.canvas), dtype=np.int64)
            place[block] = np.arange(len(block))
            stride = len(block)
            while state.masked[block].any():
                stride = -(-stride // self.base)
                due = block[state.masked[block] & (place[block] % stride == 0)]
                if due.size:
                    signals = yield ForwardRequest(positions=due)
                    self.commit(signals.confidence >= np.float32(self.skip), signals, state)
