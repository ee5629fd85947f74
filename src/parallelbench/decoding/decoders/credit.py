"""CreditDecoding: tokens that stay at the top earn credit (arXiv 2510.06133, section 4).

Each open position keeps credit C_i(v), 0 at the start of its block. At every step

    C_i <- beta C_i;  C_i(v*) += p_i(v*)^power, v* the most probable token;  logits_i += alpha ln(1 + C_i),

and every position whose fused confidence reaches gamma is committed, the best one always (Fast-dLLM's threshold). A token that
is right but not yet sure so passes some steps earlier; one that stays at the top by mistake does too.

One forward a step; needs the logits. Only tokens that once were on top have credit, so a step's token and amount are kept for
each position instead of [N, V].
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State


class Credit(ProgramDecoder):
    """A threshold on confidences that remember which tokens were on top before."""

    family: ClassVar[str] = "credit"
    published: ClassVar[Published] = Published(
        state="equal",
        code="inclusionAI/dInfer",
        defaults="the function's",
        difference="the code also commits a position within 1e-5 of the best one: 1 of 160 decodes",
    )
    borders: ClassVar[Borders] = Borders(state="the credit of tokens", over_blocks="reset")
    speed = {"gamma": "slower"}
    fuses: ClassVar[bool] = True
    gamma: float = Field(0.9, ge=0, le=1, description="fused confidence from which a token is committed")
    alpha: float = Field(0.7, ge=0, description="weight of the credit")
    beta: float = Field(0.8, ge=0, le=1, description="what a step leaves of earlier credit")
    power: float = Field(0.2, ge=0, description="exponent of the probability that is credited")

    def run(self, state: State) -> Run:
        while state.masked.any():
            yield from self._block(state)

    def _block(self, state: State) -> Run:
        block, width = state.window, len(state.canvas)
        tokens, amounts = np.zeros((width, 0), dtype=np.int64), np.zeros((width, 0))
        while state.window == block:
            signals = yield ForwardRequest(extras=frozenset({"logits"}), top=1)
            token, amount = np.zeros((width, 1), dtype=np.int64), np.zeros((width, 1))
            token[signals.positions] = np.asarray(signals.top_token)
            amount[signals.positions] = np.asarray(signals.top_p, dtype=np.float64) ** self.power
            tokens, amounts = np.hstack([tokens, token]), np.hstack([self.beta * amounts, amount])
            fused = self._fused(signals, tokens[signals.positions], amounts[signals.positions], state)
            self.commit(fused.confidence >= self.gamma, fused, state)

    def _fused(self, signals: Signals, tokens: Ints, amounts: npt.NDArray[np.float64], state: State) -> Signals:
        """Candidates and confidences under logits + alpha ln(1 + credit)."""
        import torch

        from parallelbench.decoding.compute_signals import compute

        if signals.logits is None:
            raise ValueError("this decoder needs logits")
        logits = signals.logits if signals.logits.dtype == torch.float64 else signals.logits.float()
        with torch.inference_mode():
            ids = torch.from_numpy(tokens).to(logits.device)
            credit = torch.zeros_like(logits).scatter_add(1, ids, torch.from_numpy(amounts).to(logits))
            lanes = self.sampling.lanes
            uniform = state.uniform(signals.positions, lanes[0]) if lanes else None
            credited = logits + self.alpha * credit.log1p()
            found = compute(signals.positions, credited, state.info, self.sampling, uniform)
        return replace(signals, token=found.token, confidence=found.confidence)
