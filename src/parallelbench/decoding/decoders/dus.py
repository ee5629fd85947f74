"""Dilated unmasking (Luxembourg et al., arXiv 2506.19037): the order is fixed, and neighbours are never committed together.

A block of B open positions is filled in levels. The stride starts at floor(B / base) and is divided by `base`, rounded down,
from level to level; a level commits those not yet committed of which the place in the block is a multiple of the stride. What
no stride reaches is the last level. A last level that is smaller than the one before is joined to it. Places count open
positions, so that a frame between them changes nothing.

One forward a level, so about log_base(B) a block; looks at nothing but places. With `skip`, a level before the last leaves
its positions of lower confidence masked, and may commit none; the last level commits all of its positions. What is then still
masked is looked at again and again, until the block is full: at each forward what reaches `skip`, at least the best. (The
authors' code does not come back to what it skipped, and leaves masks.)
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State


class DUS(ProgramDecoder):
    """Every (B / base)-th position, then every (B / base^2)-th, and so on to all."""

    family: ClassVar[str] = "dus"
    published: ClassVar[Published] = Published(
        state="equal",
        code="omerlux/DUS",
        defaults="the function's base 2; skip 0 in place of its .3, which leaves masks",
        difference="with skip the code leaves masks where this comes back to them",
    )
    borders: ClassVar[Borders] = Borders(
        block="with skip: what was skipped is filled, at least one position a forward", state="the level", over_blocks="reset"
    )
    speed = {"base": "faster", "skip": "slower"}
    adaptive = False
    base: int = Field(2, ge=2, description="factor by which the spacing falls from level to level")
    skip: float = Field(0.0, ge=0, le=1, description="confidence below which a position is left for a later level")

    def run(self, state: State) -> Run:
        while state.masked.any():
            block = state.eligible
            levels = [block[places] for places in _levels(len(block), self.base)]
            for number, due in enumerate(levels, 1):
                signals = yield ForwardRequest(positions=due)
                sure = signals.confidence >= (self.skip if number < len(levels) else 0.0)
                state.write(due[sure], signals.token[sure], signals.confidence[sure])
            while (left := block[state.masked[block]]).size:
                signals = yield ForwardRequest(positions=left)
                self.commit(signals.confidence >= self.skip, signals, state)


def _levels(size: int, base: int) -> list[Ints]:
    """The places of a block of `size` that each level fills, ascending."""
    levels: list[Ints] = []
    left = np.arange(size)
    stride = size // base
    while stride >= 1:
        due = left % stride == 0
        levels, left, stride = [*levels, left[due]], left[~due], stride // base
    levels = [places for places in (*levels, left) if places.size]
    if len(levels) > 1 and len(levels[-1]) < len(levels[-2]):
        levels[-2:] = [np.sort(np.concatenate(levels[-2:]))]
    return levels
