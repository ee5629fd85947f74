"""The likelihood of a continuation under a masked diffusion model.

For a continuation x of L tokens after a context c, with K of them masked, K uniform on 1 .. L and the places uniform:

    log p(x | c) >= E[ L / K * sum over masked i of log p(x_i | c, the tokens that are not masked) ]

(the likelihood estimator of LLaDA, arXiv 2502.09992, Appendix). Both sides are equal for a model with consistent conditionals.
The right side is estimated from draws; their standard error is reported. For an exact model the chain rule, from left to right
with everything after a token masked, gives the likelihood itself. An autoregressive model computes it by the chain rule too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import PrivateAttr

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import State
from parallelbench.rng import stream
from parallelbench.specs import build

ROWS = 16
"""Masked copies of one continuation in a forward."""
SMALLEST = 1e-45
"""The smallest probability that is told from 0 in float32."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """log p in nats, and the standard error of its estimate: 0 where it is exact, NaN for a single draw.

    `greedy` is whether greedy decoding would write the text; False where that is not known.
    """

    log_p: float
    error: float
    greedy: bool = False


class LikelihoodDecoder(ProgramDecoder):
    """Computes the likelihood of one continuation and writes it on the canvas.

    Args of `of`: the ids of the continuation, the number of draws, the seed of the draws, and whether the chain rule is used.
    """

    family: ClassVar[str] = "likelihood"

    _target: npt.NDArray[np.int64] = PrivateAttr()
    _draws: int = PrivateAttr()
    _labels: tuple[Any, ...] = PrivateAttr()
    _exact: bool = PrivateAttr()
    _terms: list[float] = PrivateAttr(default_factory=list)

    @classmethod
    def of(cls, target: list[int], draws: int, labels: tuple[Any, ...], exact: bool) -> LikelihoodDecoder:
        """Make the decoder of one continuation; `labels` name the stream of its draws."""
        made = build(cls, "likelihood", {})
        made._target, made._draws, made._labels, made._exact = np.array(target), draws, labels, exact
        return made

    @property
    def likelihood(self) -> Likelihood:
        """What was computed; only after the decoder has run."""
        if self._exact:
            return Likelihood(math.fsum(self._terms), 0.0)
        terms = np.array(self._terms)
        error = float(terms.std(ddof=1) / math.sqrt(len(terms))) if len(terms) > 1 else math.nan
        return Likelihood(float(terms.mean()), error)

    def max_forwards(self, width: int) -> int:
        """As many as the rows need."""
        return len(self._masks(width)) // ROWS + 2

    def run(self, state: State) -> Run:
        width, mask = len(self._target), state.info.mask_id
        masks = self._masks(width)
        places = np.arange(width)
        for start in range(0, len(masks), ROWS):
            part = masks[start : start + ROWS]
            branches = np.where(part, mask, self._target)
            signals = yield ForwardRequest(positions=places, branches=branches, tokens=self._target, role="probe")
            assert signals.p_of is not None
            logs = np.log(np.maximum(signals.p_of.astype(np.float64), SMALLEST))
            self._terms += self._terms_of(logs, part, start)
        state.write(places, self._target)

    def _masks(self, width: int) -> npt.NDArray[np.bool_]:
        """Which tokens each row hides, [rows, width]."""
        if self._exact:
            return np.arange(width)[None, :] >= np.arange(width)[:, None]
        rng = stream("likelihood", *self._labels)
        masks = np.zeros((self._draws, width), dtype=np.bool_)
        for row in masks:
            row[rng.sample(range(width), rng.randint(1, width))] = True
        return masks

    def _terms_of(self, logs: npt.NDArray[np.float64], part: npt.NDArray[np.bool_], start: int) -> list[float]:
        if self._exact:
            return [float(logs[row, start + row]) for row in range(len(part))]
        width = part.shape[1]
        return [float(width / row.sum() * one[row].sum()) for one, row in zip(logs, part, strict=True)]
