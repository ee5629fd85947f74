"""ReMDM: remasking samplers (Wang et al., arXiv 2503.00307, equation 6 and section 4).

With alpha_t = 1 - t and a block's time falling from 1 to 0 in T steps, a step from t to s < t

* remasks each committed token with probability sigma;
* commits each mask with probability (alpha_s - (1 - sigma) alpha_t) / (1 - alpha_t),

so that the marginals stay those of plain masked diffusion. sigma is at most sigma_max = min(1, (1 - alpha_s) / alpha_t):

* cap: sigma = min(eta, sigma_max); rescale: sigma = eta sigma_max;
* conf: sigma_i = sigma_max softmax(-psi)_i over the committed tokens, psi_i the probability of token i when it was committed,
  and sigma = 0 for masks. It has no eta.

A step costs one forward, or none where it finds no mask: T a block at most.

loop is the deterministic form for LLaDA that ParallelBench ran: plain confidence decoding, and once `after` of a block's
positions are filled, `loops` more forwards, each of which remasks the `redo` least sure tokens and commits as many anew. It
costs `loops` forwards a block more (default 1; the authors' LLaDA script has as many as a block has steps). The port counts
steps instead of positions, so that with more than one token a step its loop falls on the block's end, where everything is
filled: `compat=port`. (With several blocks its table of commits is made from the steps of the whole canvas, and masks are
left; here each block is divided evenly.)

Needs nothing of the model but its distribution.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.step_count import StepCount
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State

FATE = 8  # the first lane of the draws that say which positions change; each step of a block has its own


class ReMDM(StepCount, ProgramDecoder):
    """Remask some of what is committed at each step, or for a while near the end of a block."""

    family: ClassVar[str] = "remdm"
    published: ClassVar[Published] = Published(
        state="paper",
        code="kuleshov-group/remdm (cap, rescale, conf); furiosa-ai/ParallelBench after guanghanwang/ReMDM-LLaDA (loop)",
        defaults="eta .04 for cap, the paper's; one extra forward in loop is ours (the script has as many as a block's steps)",
        difference="cap, rescale and conf are equal; the port's loop counts steps in place of positions (`compat=port`)",
    )
    borders: ClassVar[Borders] = Borders(
        block="loop: ends after its extra forwards; cap, rescale, conf: after their last step, which fills it",
        canvas="as for a block",
        state="the probability that each token had when it was committed",
        over_blocks="carried",
    )
    revises: ClassVar[bool] = True
    schedule: Literal["cap", "rescale", "conf", "loop"] = Field("loop", description="which tokens are remasked, and when")
    eta: float = Field(0.04, ge=0, le=1, description="strength of cap and rescale; conf has none")
    loops: int = Field(1, ge=0, le=128, description="loop: remasking steps of each block")
    redo: int = Field(1, ge=1, description="loop: tokens that each of them remasks")
    after: float = Field(0.875, gt=0, le=1, description="loop: part of a block that is filled before it begins")
    compat: Literal["port"] | None = Field(None, description="port: count steps, not positions, until the loop begins")

    @model_validator(mode="after")
    def _conf_has_no_eta(self) -> Self:
        if self.schedule == "conf" and self.eta != type(self).model_fields["eta"].default:
            raise ValueError("eta is given, but schedule=conf has none; leave it out")
        return self

    def max_forwards(self, width: int) -> int:
        """As many as were given: steps, and loops of every block, of which there may be one for each token."""
        return super().max_forwards(width) + (self.steps or 0) + self.loops * width

    def run(self, state: State) -> Run:
        sure = np.zeros(len(state.canvas))
        while state.masked.any():
            block = state.eligible
            yield from self._looped(block, sure, state) if self.schedule == "loop" else self._sampled(block, sure, state)

    def _looped(self, block: Ints, sure: npt.NDArray[np.float64], state: State) -> Run:
        quota, loops, steps = self.quota(), self.loops, 0
        while state.masked[block].any() or loops:
            filled = len(block) - int(state.masked[block].sum())
            if self.compat == "port":
                ready = filled == len(block) or steps >= max(1, int(self.after * state.block))
            else:
                ready = filled >= math.ceil(self.after * len(block))
            steps += 1
            if loops and ready:
                loops -= 1
                committed = block[~state.masked[block]]
                worst = committed[np.argsort(sure[committed], kind="stable")[: self.redo]]
                state.remask(worst)
                signals = yield ForwardRequest()
                self._commit_best(len(worst), signals, sure, state)
            else:
                signals = yield ForwardRequest()
                self._commit_best(max(1, quota.count(signals.confidence, state)), signals, sure, state)

    def _commit_best(self, count: int, signals: Signals, sure: npt.NDArray[np.float64], state: State) -> None:
        chosen = self.best_first(signals.confidence, signals.positions, state)[:count]
        sure[signals.positions[chosen]] = signals.confidence[chosen]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])

    def _sampled(self, block: Ints, sure: npt.NDArray[np.float64], state: State) -> Run:
        turns = self.turns(state)
        for turn in range(turns):
            alpha_t, alpha_s = turn / turns, (turn + 1) / turns
            masked = state.masked[block]
            sigma = self.remasking(alpha_t, alpha_s, masked, sure[block])
            if masked.any():
                signals = yield ForwardRequest()
                sure[signals.positions] = signals.confidence
            fate = state.uniform(block, FATE + turn)
            commits = fate[masked] < (alpha_s - (1 - sigma[masked]) * alpha_t) / (1 - alpha_t)
            state.remask(block[~masked][fate[~masked] < sigma[~masked]])
            if masked.any():
                state.write(signals.positions[commits], signals.token[commits], signals.confidence[commits])

    def remasking(
        self, alpha_t: float, alpha_s: float, masked: npt.NDArray[np.bool_], psi: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """The probability of remasking, for each position of the block."""
        highest = min(1.0, (1 - alpha_s) / alpha_t) if alpha_t else 1.0
        if self.schedule == "conf":
            weight = np.where(masked, 0.0, np.exp(-psi))
            return highest * weight / max(float(weight.sum()), 1e-300)
        return np.full(len(psi), min(self.eta, highest) if self.schedule == "cap" else self.eta * highest)
