"""The samplers of score entropy discrete diffusion (Lou, Meng, Ermon, arXiv 2310.16834, section 4): Euler and analytic.

A score network estimates s(y) = p(x with y at position i) / p(x) for each position i at noise level sigma. The score of a
masked model at a mask is p(y | visible tokens) / (e^sigma - 1) (Ou et al., arXiv 2406.03736), so these samplers serve every
model that has a mask. Time runs from 1 to 1e-5 in equal steps dt; one more forward removes the remaining noise. With n tokens,
the current token x_i, D = sigma(t) - sigma(t - dt) and S = sum_z s(z), the probability of the next token y is

* euler: P(y) = dt sigma'(t) q s(y) for y other than x_i; q = 1 where noise absorbs into the mask, 1 / n where it is uniform;
* analytic, absorbing: P(y) = (e^D - 1) s(y) for y other than x_i;
* analytic, uniform: P(y) = (e^D s(y) - (e^D - 1) S / n) (1 - e^-D) / n for y other than x_i;

and P(x_i) = 1 - the sum of the others. An estimated score can make some of these negative: they are set to 0, and all are
divided by their sum. The last forward is an analytic step with D = sigma, in which no mask is drawn. Where noise absorbs, a
committed token stays; with uniform noise every token may change in each step, and blocks do not apply. Temperature and top-p
do not apply.

Noise: sigma(t) = -ln(1 - 0.999 t) where it absorbs (`loglinear`), 1e-4 ^ (1 - t) 20 ^ t where it is uniform (`geometric`).
Parameters: steps (default: one for each position; the authors take 1024 for 1024 positions), noise (default: as the model was
trained). Cost: steps + 1 forwards for one block; with several blocks the steps are divided in proportion to their masks, and
each block has one more forward; fewer where all masks are filled before.

Equal to the authors' code.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import DRAW, RANK, Extra, ForwardRequest
from parallelbench.decoding.state import PROMPT, State

if TYPE_CHECKING:
    from torch import Tensor

LAST = 1e-5  # time at which the last step begins
MOST = 0.999  # the loglinear schedule masks a token with probability MOST t
LOW, HIGH = 1e-4, 20.0  # sigma of the geometric schedule at time 0 and at time 1
LOGITS: frozenset[Extra] = frozenset({"logits"})
PUBLISHED = Published(
    state="equal",
    code="louaaron/Score-Entropy-Discrete-Diffusion",
    defaults="the authors' sampling script: as many steps as positions",
)


class Level(NamedTuple):
    """Noise at a time: sigma, and its rate of change sigma'."""

    sigma: float
    rate: float


class Moment(NamedTuple):
    """One step: the noise level before and after it, its length in time, and whether it is the last."""

    now: Level
    after: float
    dt: float
    last: bool


class ScoreSampler(ProgramDecoder, ABC):
    """Base of both samplers: reverses the noising process step by step."""

    speed = {"steps": "slower"}
    adaptive = False
    from_noise: ClassVar[bool] = True
    borders: ClassVar[Borders] = Borders(block="the next block begins at time 1; with uniform noise there are no blocks")
    steps: int | None = Field(None, ge=1, description="reverse steps of the whole canvas (default: one for each open position)")
    noise: Literal["loglinear", "geometric"] | None = Field(None, description="how noise grows with time (default: as trained)")

    @abstractmethod
    def jumps(self, score: Tensor, at: Moment, stand_in: int | None) -> Tensor:
        """P(y) of every token y [N, V] from scores [N, V], except at the current token, where the entry has no meaning.

        `stand_in` is, for uniform noise, the id of the mask, which then is the token of no position; None for noise that
        absorbs into the mask.
        """

    def max_forwards(self, width: int) -> int:
        """Allow all of `steps`, however short the canvas is."""
        return super().max_forwards(width) + (self.steps or 0)

    def run(self, state: State) -> Run:
        places = np.flatnonzero(state.status != PROMPT)
        steps = self.steps or len(places)
        if "uniform" in state.info.offers:
            yield from self._reverse(state, places, steps, _start(state, places))
            return
        while state.masked.any():
            block = state.eligible
            yield from self._reverse(state, block, max(1, steps * len(block) // len(places)), None)

    def _reverse(self, state: State, places: Ints, steps: int, noisy: Ints | None) -> Run:
        """Remove the noise at some positions; `noisy` is the canvas to start from where there is no mask."""
        import torch

        stand_in = None if noisy is None else state.info.mask_id
        for at in moments(self.noise or ("loglinear" if noisy is None else "geometric"), steps):
            open_ = places[state.masked[places]] if noisy is None else places
            if not len(open_):
                return
            signals = yield ForwardRequest(open_, noisy, extras=LOGITS, noise=at.now.sigma)
            if signals.logits is None:
                raise ValueError("a score sampler needs logits")
            score = scores(signals.logits, state.info, at.now.sigma)
            current = torch.from_numpy((state.canvas if noisy is None else noisy)[open_]).to(score.device)
            p = next_tokens(analytic(score, at, stand_in) if at.last else self.jumps(score, at, stand_in), current)
            if at.last:
                p[:, state.info.mask_id] = 0
            token = draw(p, state.uniform(open_, DRAW))
            sure = (score / score.sum(1, keepdim=True)).gather(1, torch.from_numpy(token).to(score.device)[:, None])
            state.write(open_, token, sure[:, 0].cpu().numpy())
            if noisy is not None:
                noisy[open_] = token


class Euler(ScoreSampler):
    """Each token changes at its reverse rate, which is held constant for a step."""

    family: ClassVar[str] = "euler"
    published: ClassVar[Published] = PUBLISHED

    def jumps(self, score: Tensor, at: Moment, stand_in: int | None) -> Tensor:
        return at.dt * at.now.rate * score / (1 if stand_in is None else score.shape[1] - 1)


class Analytic(ScoreSampler):
    """The exact reverse step of each token, with all other tokens held constant."""

    family: ClassVar[str] = "analytic"
    published: ClassVar[Published] = PUBLISHED

    def jumps(self, score: Tensor, at: Moment, stand_in: int | None) -> Tensor:
        return analytic(score, at, stand_in)


def analytic(score: Tensor, at: Moment, stand_in: int | None) -> Tensor:
    """P(y) [N, V] of the exact reverse step, as `ScoreSampler.jumps`."""
    grown = math.expm1(at.now.sigma - at.after)
    if stand_in is None:
        return grown * score
    n = score.shape[1] - 1
    p = ((grown + 1) * score - grown / n * score.sum(1, keepdim=True)) * -math.expm1(at.after - at.now.sigma) / n
    p[:, stand_in] = 0
    return p


def scores(logits: Tensor, info: ModelInfo, sigma: float) -> Tensor:
    """Scores [N, V] from a model's logits: exp(logits) of a score network; else p(y | visible) / (e^sigma - 1), at masks."""
    import torch

    known = logits[:, : info.vocab_size].double()
    if "score" in info.offers:
        return known.exp()
    known = known.index_fill(1, torch.tensor([info.mask_id], device=known.device), -torch.inf)
    return torch.softmax(known, dim=-1) / math.expm1(sigma)


def next_tokens(jumps: Tensor, current: Tensor) -> Tensor:
    """Add the probability of the current tokens [N] to those of all others, and normalise what is not negative, [N, V]."""
    others = jumps.scatter(1, current[:, None], 0.0)
    p = others.scatter(1, current[:, None], 1 - others.sum(1, keepdim=True)).clamp(min=0)
    return p / p.sum(1, keepdim=True)


def draw(p: Tensor, uniform: np.ndarray[Any, np.dtype[np.float64]]) -> Ints:
    """Draw a token for each row."""
    import torch

    from parallelbench import sampling

    drawn: Ints = sampling.draw(p, torch.from_numpy(uniform).to(p.device)).cpu().numpy()
    return drawn


def moments(schedule: str, steps: int) -> Iterator[Moment]:
    """The steps from time 1 to 1e-5, and the last one, which removes the remaining noise."""
    times = np.linspace(1, LAST, steps + 1).tolist()
    for time, after in itertools.pairwise(times):
        yield Moment(level(schedule, time), level(schedule, after).sigma, (1 - LAST) / steps, last=False)
    yield Moment(level(schedule, LAST), 0.0, LAST, last=True)


def level(schedule: str, time: float) -> Level:
    """The noise level at a time in [0, 1], by the authors' two schedules."""
    if schedule == "loglinear":
        return Level(-math.log1p(-MOST * time), MOST / (1 - MOST * time))
    sigma = LOW ** (1 - time) * HIGH**time
    return Level(sigma, sigma * math.log(HIGH / LOW))


def _start(state: State, places: Ints) -> Ints:
    """The canvas of a uniform model at time 1: each open position has a uniformly drawn token, never the mask's id."""
    canvas = state.canvas.copy()
    words = state.info.vocab_size - 1
    canvas[places] = np.minimum((state.uniform(places, RANK) * words).astype(np.int64), words - 1)
    return canvas
