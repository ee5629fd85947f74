"""A law of two tokens whose concrete scores are known by enumeration, as a denoiser."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.schema import Sample, Turn

WORDS, LENGTH = 3, 2


class Letters(Codec):
    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        return [], ""

    def encode(self, text: str) -> list[int]:
        return ["abc_".index(letter) for letter in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join("abc_"[at] for at in ids)


class Toy(Denoiser):
    """Exact scores of a law [3, 3] under absorbing or uniform noise, by summing over all clean strings."""

    def __init__(self, law: Tensor, uniform: bool) -> None:
        self.law = law
        self.uniform = uniform
        self.states = WORDS + (not uniform)
        self._noised: dict[float, Tensor] = {}

    @property
    def info(self) -> ModelInfo:
        offers = frozenset({"score", "uniform" if self.uniform else "absorb"})
        requires = frozenset({"score"}) if self.uniform else frozenset()
        return ModelInfo("toy", "1", WORDS + 1, WORDS, (), 0, 64, offers=offers, requires=requires)

    def codec_for(self, sample: Sample) -> Codec:
        return Letters()

    def rates(self) -> Tensor:
        """Q[to, from] of the forward noise: to the mask, or to every token with rate 1 / n."""
        if self.uniform:
            return torch.full((WORDS, WORDS), 1 / WORDS, dtype=torch.float64) - torch.eye(WORDS, dtype=torch.float64)
        q = -torch.eye(self.states, dtype=torch.float64)
        q[-1] += 1
        return q

    def noised(self, sigma: float) -> Tensor:
        """p_sigma over all noised strings, [states, states]."""
        if sigma not in self._noised:
            step = torch.matrix_exp(sigma * self.rates())[:, :WORDS]
            self._noised[sigma] = step @ self.law @ step.T
        return self._noised[sigma]

    def score(self, state: tuple[int, int], place: int, sigma: float) -> Tensor:
        """p_sigma(state with y at place) / p_sigma(state), [states]."""
        p = self.noised(sigma)
        return (p[:, state[1]] if place == 0 else p[state[0], :]) / p[state]

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        assert batch.noise is not None
        out = torch.full((len(batch.rows), WORDS + 1), -torch.inf, dtype=torch.float64)
        for at, (row, column) in enumerate(zip(batch.rows, batch.columns, strict=True)):
            state = tuple(int(token) for token in batch.ids[row, :LENGTH])
            out[at, : self.states] = self.score((state[0], state[1]), int(column), float(batch.noise[row])).log()
        return ForwardOutput(out)


def strings(states: int) -> list[tuple[int, int]]:
    return list(itertools.product(range(states), repeat=2))


def correlated() -> Tensor:
    """A law far from the product of its marginals."""
    return torch.tensor([[0.4, 0.02, 0.03], [0.01, 0.3, 0.02], [0.05, 0.02, 0.15]], dtype=torch.float64)


def independent() -> Tensor:
    return torch.outer(torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0.6, 0.1, 0.3])).double()


def distance(a: Tensor, b: Tensor) -> float:
    """Total variation."""
    return float(np.abs(a.numpy() - b.numpy()).sum() / 2)
