"""Dream's `origin` schedule (Ye et al., arXiv 2508.15487): the plain reverse process of masked diffusion.

Time falls from t_0 = 1 to t_T = eps in T equal parts. Step s commits each open position by itself with the probability
1 - t_(s+1) / t_s, the last step all that is left; which positions, no confidence decides. The number of commits is random, and
a step may have none: its forward was made and is counted.

T forwards a block at most, fewer where the block is full before; needs nothing of the model but its distribution. eps is 1e-3
in Dream, 1e-12 in DiffuCoder.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.step_count import StepCount
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State

FATE = 8  # the lane of the draws that say which positions are committed


class DreamOrigin(StepCount, ProgramDecoder):
    """Each open position with the same probability, whatever it holds."""

    family: ClassVar[str] = "dream_origin"
    published: ClassVar[Published] = Published(
        state="equal", code="DreamLM/Dream", defaults="eps 1e-3, Dream's; k = 1 is ours (Dream has steps)"
    )
    borders: ClassVar[Borders] = Borders(
        block="its last step fills it", canvas="as for a block", state="the number of steps in the block", over_blocks="reset"
    )
    eps: float = Field(1e-3, ge=0, lt=1, description="time at which the last step ends")

    def max_forwards(self, width: int) -> int:
        """As many steps as were asked for, however short the canvas."""
        return super().max_forwards(width) + (self.steps or 0)

    def run(self, state: State) -> Run:
        while state.masked.any():
            turns, block = self.turns(state), state.window
            for turn in range(turns):
                if state.window != block:
                    break
                signals = yield ForwardRequest()
                now, then = (1 - (1 - self.eps) * at / turns for at in (turn, turn + 1))
                chance = 1 - then / now if turn < turns - 1 else 1.0
                chosen = state.uniform(signals.positions, FATE) < chance
                state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
