"""APD: adaptive parallel decoding with a small autoregressive model (Israel et al., arXiv 2506.00413, algorithm 1).

From left to right: the next `ahead` masks get drafts y_i from the diffusion model's distributions p_i. An auxiliary
autoregressive model reads the drafts and gives q_i = q(. | all tokens left of i). The mixture of both has the unnormalised log
probabilities m_i = weight log p_i + (1 - weight) log q_i. A token is drawn from it for each position with the same random
numbers as the draft; drafts are committed up to the first position where draft and drawn token differ, and the first draft
always.

* At temperature 0 both are the most probable token.
* At temperature T > 0 the draft is the argmax of log p_i / T + g_i and the drawn token the argmax of m_i / T + g_i, where g_i
  are independent Gumbel numbers, one for each token of the vocabulary; top-p cuts both distributions first. So each of the two
  has the distribution that the temperature says, and they agree as often as shared Gumbel noise makes them.

Parameters: weight (default 0.7) and ahead (default 100), the authors' defaults; their demonstration has temperature=0.2 and
top_p=0.95. Cost: two forwards a step, one of each model. Needs an auxiliary model with the same vocabulary.

In the authors' code the two differ at T > 0: the draft is the argmax of log p_i / T + T g_i, which is a draw at temperature
T^2, and it is compared with the argmax of m_i, without noise: compat="authors". Their code also ends the decode at an end
token and keeps keys and values of positions 16 and more to the left; here the canvas is always filled, and keys are the
cache's matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Extra, ForwardRequest, Signals
from parallelbench.decoding.state import State
from parallelbench.decoding.vocabulary import log_probs

if TYPE_CHECKING:
    from torch import Tensor

LOGITS: frozenset[Extra] = frozenset({"logits"})
GUMBEL = 8  # the lane of the noise


class APD(ProgramDecoder):
    """Commit drafts from the left as long as a mixture with an autoregressive model agrees."""

    family: ClassVar[str] = "apd"
    published: ClassVar[Published] = Published(
        state="paper",
        code="danielmisrael/apd",
        defaults="the authors' demonstration, except for its temperature 0.2 and top-p 0.95",
        difference="above temperature 0 drafts have that temperature and not its square, and the comparison is with a draw",
    )
    speed = {"weight": "faster", "ahead": "faster"}
    needs: ClassVar[frozenset[Need]] = frozenset({"aux"})
    weight: float = Field(0.7, gt=0, lt=1, description="weight of the diffusion model in the mixture of log probabilities")
    ahead: int = Field(100, ge=1, description="positions drafted at once")
    compat: Literal["authors"] | None = Field(
        None, description="authors: how drafts are drawn and compared above temperature 0"
    )

    def run(self, state: State) -> Run:
        import torch

        while state.masked.any():
            positions = state.eligible[: self.ahead]
            draft = yield ForwardRequest(positions=positions, extras=LOGITS)
            p = log_probs(draft.logits, state.info)
            noise = self._noise(positions, state, p)
            token = self._draft(draft, p, noise)
            canvas = state.canvas.copy()
            canvas[positions] = token
            seen = yield ForwardRequest(model="aux", positions=positions, canvas=canvas, extras=LOGITS, role="aux")
            mixture = self.weight * p + (1 - self.weight) * log_probs(seen.logits, state.info).to(p)
            differ = np.flatnonzero((self._target(mixture, noise, positions, state) != token)[1:])
            kept = slice(1 + int(differ[0]) if differ.size else len(positions))
            sure = p.exp().gather(1, torch.from_numpy(token).to(p.device)[:, None])[:, 0].float().cpu().numpy()
            state.write(positions[kept], token[kept], sure[kept])

    def _noise(self, positions: Ints, state: State, like: Tensor) -> Tensor | None:
        """A Gumbel number for each position and token, [N, V]; None at temperature 0. Each position has its own stream."""
        if self.temperature == 0:
            return None
        import torch

        keys = (state.uniform(positions, GUMBEL) * 2**52).astype(np.uint64).tolist()
        drawn = np.stack([np.random.Generator(np.random.Philox(key=key)).random(like.shape[1]) for key in keys])
        return -torch.log(-torch.log(torch.from_numpy(drawn).to(like.device)))

    def _draft(self, draft: Signals, p: Tensor, noise: Tensor | None) -> Ints:
        """The tokens that the diffusion model proposes, [N]."""
        if noise is None:
            return draft.token
        from parallelbench.sampling import tempered

        return _best(tempered(p, self.temperature, self.top_p).log() + (self.temperature if self.compat else 1.0) * noise)

    def _target(self, mixture: Tensor, noise: Tensor | None, positions: Ints, state: State) -> Ints:
        """The tokens that the mixture chooses, [N]."""
        from parallelbench.decoding.compute_signals import compute
        from parallelbench.sampling import tempered

        if noise is None:
            ties = self.sampling.lanes
            uniform = state.uniform(positions, ties[0]) if ties else None
            return compute(positions, mixture, state.info, self.sampling, uniform).token
        return _best(mixture if self.compat else tempered(mixture, self.temperature, self.top_p).log() + noise)


def _best(scores: Tensor) -> Ints:
    best: Ints = scores.argmax(dim=1).cpu().numpy()
    return best
