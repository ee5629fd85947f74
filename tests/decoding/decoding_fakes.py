"""A denoiser made by hand, prompts for it, and the settings of every decoder that the tests walk through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from parallelbench.decoding import Decoder, Engine, load_decoder
from parallelbench.models.base import Codec, Denoiser, ForwardBatch, ModelInfo
from parallelbench.rng import Draws
from parallelbench.schema import Generation, Prompt, Sample, Turn

MASK, END, PAD, VOCABULARY = 1, 2, 0, 11
Law = Callable[[Prompt, npt.NDArray[np.int64], int], npt.ArrayLike]
"""Logits [V] of one position, from the prompt, the canvas [W] and the position in it."""

SETTINGS: dict[str, tuple[str, ...]] = {
    "one_by_one": ("one_by_one", "one_by_one:block=4,ties=random"),
    "all_at_once": ("all_at_once", "all_at_once:block=4,temperature=1.0,top_p=0.8"),
    "random": ("random:k=3", "random:k=2,temperature=1.0", "random:steps=3,block=8"),
    "confidence": ("confidence:k=1", "confidence:k=3,ties=random", "confidence:steps=5,block=4,temperature=0.7"),
    "margin": ("margin:k=4", "margin:k=2,block=4,temperature=1.0,top_p=0.5"),
    "entropy": ("entropy:k=4", "entropy:steps=3,temperature=1.0"),
    "left_to_right": ("left_to_right:k=2", "left_to_right:k=3,block=8,temperature=1.0,top_p=0.9"),
    "threshold": ("threshold:gamma=0.2", "threshold:gamma=0.5,block=4", "threshold:gamma=0.1,temperature=1.0,ties=random"),
    "factor": ("factor:f=1.0", "factor:f=2.0,block=8,temperature=1.0"),
}
ALL_SETTINGS = tuple(spec for specs in SETTINGS.values() for spec in specs)


class DigitCodec(Codec):
    """Ids as digits."""

    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        return [int(digit) for digit in turns[-1].text], turns[-1].text

    def encode(self, text: str) -> list[int]:
        return [int(digit) for digit in text]

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(map(str, ids))


class Fake(Denoiser):
    """Answers by a law, and keeps every batch that it saw."""

    def __init__(self, law: Law, dtype: torch.dtype = torch.float32, **info: object) -> None:
        self.law = law
        self.dtype = dtype
        self.batches: list[ForwardBatch] = []
        base = ModelInfo(
            "fake", "1", VOCABULARY, MASK, (END,), PAD, 1000, active_params=7, head_params=5, hidden_size=3, layers=2
        )
        self._info = replace(base, **info)  # type: ignore[arg-type]

    @property
    def info(self) -> ModelInfo:
        return self._info

    def codec_for(self, sample: Sample) -> Codec:
        return DigitCodec()

    def forward(self, batch: ForwardBatch) -> torch.Tensor:
        self.batches.append(batch)
        logits = np.zeros((len(batch.rows), self.info.vocab_size))
        for at, (row, column) in enumerate(zip(batch.rows, batch.columns, strict=True)):
            start = len(batch.prompts[row].ids)
            canvas = batch.ids[row, start : batch.lengths[row]]
            logits[at] = self.law(batch.prompts[row], canvas, int(column) - start)
        return torch.from_numpy(logits).to(self.dtype)


def noisy(scale: float = 2.0) -> Law:
    """Logits that follow from prompt, whole canvas and position as if at random."""

    def law(prompt: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        return scale * 4 * (Draws(prompt.ids, canvas.tolist(), position).uniform(0, range(VOCABULARY)) - 0.5)

    return law


def certain(confidences: Sequence[float], token: int = 5) -> Law:
    """Position i predicts `token` with probability `confidences[i]`, and shares the rest out evenly; the canvas is ignored."""

    def law(prompt: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        p = np.full(VOCABULARY, (1 - confidences[position]) / (VOCABULARY - 2))
        p[token] = confidences[position]
        return np.log(np.maximum(p, 1e-300))

    return law


def prompt(canvas: int | Sequence[int], ids: Sequence[int] = (3, 4), index: int = 0) -> Prompt:
    """A prompt of these ids; a number stands for so many masks."""
    tokens = [MASK] * canvas if isinstance(canvas, int) else canvas
    sample = Sample("fake", 1, 0, index, (Turn("user", "34"),), "5", {})
    return Prompt(sample, tuple(ids), tuple(tokens), "34")


def generate(
    model: Denoiser, prompts: Iterable[Prompt], decoder: str | Decoder, batch_size: int = 8, seed: int = 0
) -> list[Generation]:
    """Decode and return the generations in the order of the prompts."""
    prompts = list(prompts)
    decoder = load_decoder(decoder) if isinstance(decoder, str) else decoder
    done = list(Engine(model, batch_size).generate(prompts, decoder, seed))
    assert len(done) == len(prompts)
    place = {id(one): at for at, one in enumerate(prompts)}
    return sorted(done, key=lambda generation: place[id(generation.prompt)])


def orders(generation: Generation) -> list[list[int]]:
    """The positions written at each forward."""
    return [[position for position, *_ in writes] for writes in generation.ledger.history]
