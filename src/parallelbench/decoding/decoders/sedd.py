"""The samplers of score entropy discrete diffusion (Lou, Meng, Ermon, arXiv 2310.16834, section 4): Euler and analytic.

A score network says s(y) = p(x with y at i) / p(x) for each position i at noise sigma. The score of a masked model at a mask is
p(y | what is seen) / (e^sigma - 1) (Ou et al., arXiv 2406.03736), so these samplers serve every model that has a mask. Time
falls from 1 to 1e-5 in equal steps of dt; a last forward takes away the noise that is left. With n tokens and
D = sigma(t) - sigma(t - dt):

* euler: P(y) = dt sigma'(t) q s(y) for y other than x_i; q = 1 where noise absorbs into the mask, 1 / n where it is uniform
* analytic, absorbing: P(y) = (e^D - 1) s(y)
* analytic, uniform: P(y) = (e^D s(y) - (e^D - 1) / n sum_z s(z)) (1 - e^-D) / n

What is left goes to staying as it is; a rate that is too large for its step is cut to 1. The last forward is an analytic step
with D = sigma, and leaves no mask. Where noise absorbs, a token once found stays; with uniform noise every token may change in
each step, and blocks do not apply. Each draw is from the model's own distribution: temperature and top-p do not apply.

Noise: sigma(t) = -ln(1 - 0.999 t) where it absorbs (`loglinear`), 1e-4 ^ (1 - t) 20 ^ t where it is uniform (`geometric`).
Cost: steps + 1 forwards, of each block its share; less where all masks are gone before.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from parallelbench import sampling
from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import DRAW, RANK, Extra, ForwardRequest
from parallelbench.decoding.state import PROMPT, State

LAST = 1e-5
MOST, LOW, HIGH = 0.999, 1e-4, 20.0
LOGITS: frozenset[Extra] = frozenset({"logits"})


class Level(NamedTuple):
    """Noise at a time: sigma, and its rate of change sigma'."""

    sigma: float
    rate: float


class Moment(NamedTuple):
    """One step: the noise now and after it, its share of time, and whether it is the last."""

    now: Level
    after: float
    dt: float
    last: bool


class ScoreSampler(ProgramDecoder, ABC):
    """Reverses the noise step by step."""

    speed = {"steps": "slower"}
    adaptive = False
    from_noise: ClassVar[bool] = True
    steps: int | None = Field(None, ge=1, description="reverse steps of the whole canvas (default: one for each open position)")
    noise: Literal["loglinear", "geometric"] | None = Field(None, description="how noise grows with time (default: as trained)")

    @abstractmethod
    def jumps(self, score: Tensor, at: Moment, uniform: bool) -> Tensor:
        """P(next token) [N, V] from scores [N, V], up to what stays; the entry of the own token is ignored."""

    def max_forwards(self, width: int) -> int:
        """As many steps as were asked for, however short the canvas."""
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
        """Take the noise off some positions; `noisy` is the canvas to start from where there is no mask."""
        uniform = noisy is not None
        for at in moments(self.noise or ("geometric" if uniform else "loglinear"), steps):
            asked = places if uniform else places[state.masked[places]]
            if not len(asked):
                return
            canvas = noisy if noisy is not None else state.canvas
            signals = yield ForwardRequest(asked, None if noisy is None else noisy, extras=LOGITS, noise=at.now.sigma)
            if signals.logits is None:
                raise ValueError("a score sampler needs logits")
            score = scores(signals.logits, state.info, at.now.sigma)
            own = torch.from_numpy(canvas[asked]).to(score.device)
            p = next_tokens(analytic(score, at, uniform) if at.last else self.jumps(score, at, uniform), own)
            if at.last:
                p[:, state.info.mask_id] = 0
            token = draw(p, state.uniform(asked, DRAW))
            sure = (score / score.sum(1, keepdim=True)).gather(1, torch.from_numpy(token).to(score.device)[:, None])
            state.write(asked, token, sure[:, 0].cpu().numpy())
            if noisy is not None:
                noisy[asked] = token


class Euler(ScoreSampler):
    """Each token jumps at its reverse rate, held for a step."""

    family: ClassVar[str] = "euler"

    def jumps(self, score: Tensor, at: Moment, uniform: bool) -> Tensor:
        return at.dt * at.now.rate * score / (score.shape[1] - 1 if uniform else 1)


class Analytic(ScoreSampler):
    """The exact reverse step of each token, all others held."""

    family: ClassVar[str] = "analytic"

    def jumps(self, score: Tensor, at: Moment, uniform: bool) -> Tensor:
        return analytic(score, at, uniform)


def analytic(score: Tensor, at: Moment, uniform: bool) -> Tensor:
    """P(next token) [N, V] of the exact reverse step, up to what stays."""
    grown = math.expm1(at.now.sigma - at.after)
    if not uniform:
        return grown * score
    n = score.shape[1] - 1
    return ((grown + 1) * score - grown / n * score.sum(1, keepdim=True)) * -math.expm1(at.after - at.now.sigma) / n


def scores(logits: Tensor, info: ModelInfo, sigma: float) -> Tensor:
    """Scores [N, V] from a model's logits: log-scores of a score network; else p(y | seen) / (e^sigma - 1), at masks."""
    known = logits[:, : info.vocab_size].double()
    if "score" in info.offers:
        return known.exp()
    known = known.index_fill(1, torch.tensor([info.mask_id], device=known.device), -torch.inf)
    return torch.softmax(known, dim=-1) / math.expm1(sigma)


def next_tokens(jumps: Tensor, own: Tensor) -> Tensor:
    """Give each row's own token what the others leave, and cut what exceeds 1."""
    p = jumps.clamp(min=0).scatter(1, own[:, None], 0.0)
    moved = p.sum(1, keepdim=True)
    return (p / moved.clamp(min=1)).scatter(1, own[:, None], (1 - moved).clamp(min=0))


def draw(p: Tensor, uniform: np.ndarray[Any, np.dtype[np.float64]]) -> Ints:
    """Draw a token for each row."""
    drawn: Ints = sampling.draw(p, torch.from_numpy(uniform).to(p.device)).cpu().numpy()
    return drawn


def moments(schedule: str, steps: int) -> Iterator[Moment]:
    """The steps from time 1 to 1e-5, and the last one, which takes away the rest."""
    times = np.linspace(1, LAST, steps + 1).tolist()
    for time, after in itertools.pairwise(times):
        yield Moment(level(schedule, time), level(schedule, after).sigma, (1 - LAST) / steps, last=False)
    yield Moment(level(schedule, LAST), 0.0, LAST, last=True)


def level(schedule: str, time: float) -> Level:
    """Noise at a time in [0, 1], by the authors' two schedules."""
    if schedule == "loglinear":
        return Level(-math.log1p(-MOST * time), MOST / (1 - MOST * time))
    sigma = LOW ** (1 - time) * HIGH**time
    return Level(sigma, sigma * math.log(HIGH / LOW))


def _start(state: State, places: Ints) -> Ints:
    """The canvas of a uniform model at time 1: every open position a uniform token, none of them the stand-in for a mask."""
    canvas = state.canvas.copy()
    words = state.info.vocab_size - 1
    canvas[places] = np.minimum((state.uniform(places, RANK) * words).astype(np.int64), words - 1)
    return canvas
