"""APD: adaptive parallel decoding beside a small autoregressive model (Israel et al., arXiv 2506.00413, algorithm 1).

From the left: the next `ahead` open positions get drafts y_i drawn from the diffusion model's p_i with one uniform number u_i
each. An auxiliary autoregressive model reads the drafts and gives q_i = q(. | all tokens left of i). From the mixture
weight log p_i + (1 - weight) log q_i a token is drawn with the *same* u_i; drafts are kept up to the first position where the
two draws differ, the first one always. At temperature 0 both draws are the most probable token.

Parameters: weight (default 0.7), ahead (default 100). Cost: two forwards a step, one of each model. Needs an auxiliary model
with the same vocabulary.

The published code shares Gumbel noise between the draws; here both invert the same distribution function with the same u_i,
which needs no random number for each token of the vocabulary. It also freezes keys and values 16 positions back, which is the
cache's choice here.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import Extra, ForwardRequest, compute
from parallelbench.decoding.state import State
from parallelbench.decoding.vocabulary import log_probs

LOGITS: frozenset[Extra] = frozenset({"logits"})


class APD(ProgramDecoder):
    """Keep drafts from the left as long as an autoregressive model agrees."""

    family: ClassVar[str] = "apd"
    speed = {"weight": "faster", "ahead": "faster"}
    needs: ClassVar[frozenset[Need]] = frozenset({"aux"})
    weight: float = Field(0.7, gt=0, lt=1, description="share of the diffusion model in the mixture of log probabilities")
    ahead: int = Field(100, ge=1, description="positions drafted at once")

    def run(self, state: State) -> Run:
        lanes = self.sampling.lanes
        while state.masked.any():
            positions = state.eligible[: self.ahead]
            draft = yield ForwardRequest(positions=positions, extras=LOGITS)
            uniform = state.uniform(positions, lanes[0]) if lanes else None
            canvas = state.canvas.copy()
            canvas[positions] = draft.token
            seen = yield ForwardRequest(model="aux", positions=positions, canvas=canvas, extras=LOGITS, role="aux")
            p, q = log_probs(draft.logits, state.info), log_probs(seen.logits, state.info)
            mixture = self.weight * p + (1 - self.weight) * q.to(p)
            target = compute(mixture, state.info, self.sampling, uniform, frozenset(), 0, None).token
            differ = np.flatnonzero(target[1:] != draft.token[1:])
            kept = slice(1 + int(differ[0]) if differ.size else len(positions))
            state.write(positions[kept], draft.token[kept], draft.confidence[kept])
