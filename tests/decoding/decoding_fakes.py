"""A denoiser made by hand, prompts for it, and the settings of every decoder that the tests walk through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Decoder, Engine, load_decoder
from parallelbench.models.exact_views import without_itself
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
    "rcr": ("rcr:steps=4,schedule=cosine,block=8,temperature=1.0", "rcr:k=3,ties=random"),
    "remdm": ("remdm:k=2,loops=2,block=4", "remdm:schedule=conf,k=2,block=8,temperature=1.0"),
    "eb_sampler": ("eb_sampler:gamma=3.0", "eb_sampler:gamma=2.0,order=margin,block=4,temperature=1.0"),
    "klass": (
        "klass:tau=0.3,eps=1.0,n=1,block=4,compat=authors",
        "klass:tau=0.3,eps=1.0,n=1",
        "klass:k=2,tau=0.1,eps=2.0,block=4,temperature=1.0",
    ),
    "credit": ("credit:gamma=0.4", "credit:gamma=0.6,alpha=2.0,block=4,temperature=1.0"),
    "dus": ("dus", "dus:base=3,skip=0.3,block=4,temperature=1.0"),
    "slowfast": (
        "slowfast:high=0.4,low=0.2,compat=authors",
        "slowfast:high=0.4,low=0.2",
        "slowfast:high=0.5,explore=2,block=8,temperature=1.0",
    ),
    "local_leap": ("local_leap:gamma=0.5,relaxed=0.3,radius=2", "local_leap:gamma=0.4,relaxed=0.2,block=4,temperature=1.0"),
    "hierarchical": ("hierarchical", "hierarchical:gamma=0.6,low=0.2,block=8,temperature=1.0"),
    "dream_origin": ("dream_origin:k=3", "dream_origin:steps=4,block=4,temperature=1.0"),
    "saber": ("saber", "saber:n=4,ratio=1,block=8,temperature=1.0"),
    "pc_sampler": ("pc_sampler:k=2", "pc_sampler:steps=3,lam=0.0,block=4,temperature=1.0"),
    "random_steps": ("random_steps", "random_steps:k=3,block=8,temperature=1.0"),
    "end_of_text": ("end_of_text:base=confidence:k=2", "end_of_text:block=4,temperature=1.0"),
    "prophet": ("prophet:high=2.0,middle=1.0,low=0.5", "prophet:k=2,region=3,block=4,temperature=1.0"),
    "sched": ("sched:high=3.0", "sched:schedule=linear,steps=4,transfer=dream,low=1.0,block=8,temperature=1.0"),
    "freedave": ("freedave:drafts=3", "freedave:gamma=0.3,block=4,temperature=1.0", "freedave:drafts=2,ties=random"),
    "ssd": ("ssd", "ssd:width=1,block=4,temperature=1.0,top_p=0.8"),
    "lopa": ("lopa:gamma=0.4", "lopa:branches=2,gamma=0.3,block=4,temperature=1.0"),
    "punt": ("punt:epsilon=0.5", "punt:epsilon=1.0,block=8,temperature=1.0"),
    "core": ("core:every=2", "core:k=2,every=1,block=8,temperature=1.0", "core:every=1,compat=authors"),
    "t2m": ("t2m:gamma=0.3,at=0.1", "t2m:gamma=0.3,detect=change,limit=1,post=2,block=8,temperature=1.0"),
    "joint_edit": ("joint_edit:gamma=0.3,edit=0.6,post=2", "joint_edit:gamma=0.2,post=0,block=4,temperature=1.0"),
    "p2": ("p2:k=2", "p2:k=3,eta=2.0,block=8,temperature=1.0"),
    "wino": ("wino:gamma=0.3,back=0.3", "wino:gamma=0.2,back=0.5,block=8,temperature=1.0"),
    "dapd": ("dapd", "dapd:variant=direct,high=0.9,sure=0.5,block=8,temperature=1.0"),
    "dawn": ("dawn:low=0.2", "dawn:low=0.1,sure=0.4,induce=0.2,sink=0.2,block=8,temperature=1.0"),
    "clad": ("clad:gamma=0.3", "clad:gamma=0.1,block=8,temperature=1.0"),
    "apd": ("apd", "apd:weight=0.9,ahead=3,block=4,temperature=1.0", "apd:ties=random"),
    "euler": ("euler:steps=5", "euler:block=4"),
    "analytic": ("analytic:steps=5", "analytic:block=8,noise=geometric"),
    "matching": ("matching:gamma=0.5,floor=0.1,slack=0.5", "matching:gamma=0.7,floor=0.2,slack=0.5,block=8,temperature=1.0"),
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
    """Answers by a law, and keeps every batch that it saw. It attends to each place by its distance, twice to the left."""

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

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        self.batches.append(batch)
        attention = None
        if batch.attention is not None:
            distance = torch.arange(batch.ids.shape[1]) - torch.from_numpy(batch.columns)[:, None]
            attention = torch.softmax(torch.where(distance < 0, 2, 1) / (1.0 + distance.abs()), dim=-1)
        shadow = self._logits(without_itself(batch, self.info.mask_id)) if batch.shadow else None
        return ForwardOutput(self._logits(batch), attention, shadow)

    def _logits(self, batch: ForwardBatch) -> torch.Tensor:
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
    model: Denoiser, prompts: Iterable[Prompt], decoder: str | Decoder, batch_size: int = 8, seed: int = 0,
    aux: Denoiser | None = None, cache: str = "none",
) -> list[Generation]:  # fmt: skip
    """Decode and return the generations in the order of the prompts; a decoder that needs one gets an auxiliary model."""
    prompts = list(prompts)
    decoder = load_decoder(decoder) if isinstance(decoder, str) else decoder
    if "aux" in decoder.needs and aux is None:
        aux = Fake(noisy(3.0))
    done = list(Engine(model, batch_size, aux, cache).generate(prompts, decoder, seed))
    assert len(done) == len(prompts)
    place = {id(one): at for at, one in enumerate(prompts)}
    return sorted(done, key=lambda generation: place[id(generation.prompt)])


def orders(generation: Generation) -> list[list[int]]:
    """The positions written at each forward."""
    return [[position for position, *_ in writes] for writes in generation.ledger.history]
