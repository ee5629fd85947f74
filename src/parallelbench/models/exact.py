"""The exact model: the true conditional marginals of a task's right answers, as a denoiser like any other.

It scores what a *perfect* model would score under a decoder, and so separates the decoder's loss from the model's. Two ways
to cut an answer into tokens:

* item by item (the default): one token for each item and for each piece of format between items, so that positions are
  those of `theory`, and no law needs to be enumerated;
* under a real tokenizer: every valid answer of the sample is written out, tokenised, ended and padded.

Each token may have been replaced, with probability epsilon, by a uniform one of the vocabulary, so that every context has a
posterior, also one that no right answer agrees with (`theory.noise`). The prompt is not read: the sample is.

Symmetric laws make whole rows of tokens equally probable. Ties are therefore broken at random unless the decoder says
otherwise: the lowest id at all positions would be one draw that they share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput, Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.errors import UserError
from parallelbench.models.exact_views import Causal, without_itself
from parallelbench.schema import Sample

KEPT = 1024

Floats = npt.NDArray[np.float64]


class Special(NamedTuple):
    """The ids of the tokens that are no text."""

    mask: int
    end: int
    pad: int


class Answers(ABC):
    """The right answers on a canvas of one length, as a distribution that can be conditioned on what is seen."""

    @abstractmethod
    def marginals(self, canvases: Ints, row: Ints, column: Ints) -> tuple[Ints, Ints, Floats]:
        """Return P(token before noise) for N asked places: canvas `row[i]` of `canvases` [B, W] at `column[i]`.

        The answer is sparse: (which of the N, token, probability), one entry for each token of positive probability.
        """


class Scheme(ABC):
    """A way to cut answers into tokens."""

    special: Special
    size: int
    revision: str
    tokenizer: str = ""
    """The hash of the tokenizer; empty where a token is an item."""

    @abstractmethod
    def codec(self, sample: Sample) -> Codec:
        """Return the codec in which this sample's answers are read."""

    @abstractmethod
    def key(self, sample: Sample) -> Any:
        """Return what two samples must share to have the same answers, token for token."""

    @abstractmethod
    def answers(self, sample: Sample, length: int) -> Answers:
        """Return the right answers of a sample on a canvas of `length` tokens."""


class Exact(Denoiser):
    """True marginals, computed from each row's sample; `epsilon` is the probability of noise in each token."""

    def __init__(self, scheme: Scheme, epsilon: float) -> None:
        self._scheme = scheme
        self._epsilon = epsilon
        self._answers: dict[Any, Answers] = {}
        self._codecs: dict[Any, Codec] = {}
        self._info = ModelInfo(
            name="exact", revision=f"{scheme.revision},epsilon={epsilon:g},ties=random", vocab_size=scheme.size,
            mask_id=scheme.special.mask, pad_id=scheme.special.pad, end_ids=(scheme.special.end,), context_length=1 << 20,
            dtype="float64", licence="Apache-2.0", offers=frozenset({"shadow"}), requires=frozenset({"law"}),
            tokenizer=scheme.tokenizer, ties="random", layout="exact",
        )  # fmt: skip

    @property
    def info(self) -> ModelInfo:
        return self._info

    def codec_for(self, sample: Sample) -> Codec:
        if sample.law is None or sample.frame is None:
            lacking = "law of its right answers" if sample.law is None else "frame that says where the answer is free"
            raise UserError(f"{sample.task} has no {lacking}, so it has no exact model; use another model.")
        key = content(sample)
        if key not in self._codecs:
            _make_room(self._codecs)
            self._codecs[key] = self._scheme.codec(sample)
        return self._codecs[key]

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        """Return the logarithms of the marginals, noise included, in float64; a shadow is one token given all others."""
        shadow = self._log_marginals(without_itself(batch, self._info.mask_id)) if batch.shadow else None
        return ForwardOutput(self._log_marginals(batch), shadow=shadow)

    def _log_marginals(self, batch: ForwardBatch) -> Tensor:
        """Return the logarithms of the marginals, noise included, in float64, [N, V]."""
        size = self._info.vocab_size
        noise = self._epsilon / size
        logs = np.full((len(batch.rows), size), np.log(noise))
        for answers, rows in self._groups(batch):
            place = np.full(len(batch.lengths), -1)
            place[rows] = np.arange(len(rows))
            entries = np.flatnonzero(place[batch.rows] >= 0)
            row = place[batch.rows[entries]]
            start = len(batch.prompts[rows[0]].ids)
            canvases = batch.ids[rows, start : batch.lengths[rows[0]]]
            which, token, mass = answers.marginals(canvases, row, batch.columns[entries] - start)
            logs[entries[which], token] = np.log(noise + (1.0 - self._epsilon) * mass)
        return torch.from_numpy(logs)

    def auxiliary(self) -> Denoiser:
        """The conditionals of each token given those before it."""
        return Causal(self)

    def details(self) -> dict[str, Any]:
        return {"epsilon": self._epsilon, "tokens": self._scheme.revision}

    def _groups(self, batch: ForwardBatch) -> list[tuple[Answers, Ints]]:
        """The rows, ascending, that share one computation."""
        groups: dict[Any, tuple[Answers, list[int]]] = {}
        same: dict[Any, list[int]] = {}  # samples of the same objects have the same key, which then is computed once
        for row, prompt in enumerate(batch.prompts):
            sample, length = prompt.sample, len(prompt.canvas)
            objects = (id(sample.facts), sample.law, sample.frame, length)
            if objects not in same:
                key = (self._scheme.key(sample), length)
                if key not in groups:
                    groups[key] = self._answers_for(key, sample, length), []
                same[objects] = groups[key][1]
            same[objects].append(row)
        return [(answers, np.asarray(rows)) for answers, rows in groups.values()]

    def _answers_for(self, key: Any, sample: Sample, length: int) -> Answers:
        if key not in self._answers:
            _make_room(self._answers)
            self._answers[key] = self._scheme.answers(sample, length)
        return self._answers[key]


def content(sample: Sample) -> tuple[Any, ...]:
    """What a sample's right answers follow from; its id does not tell, because a task's options change its samples."""
    return sample.law, sample.frame, repr(sample.facts)


def _make_room(cache: dict[Any, Any]) -> None:
    """Forget the oldest half of a full cache."""
    if len(cache) >= KEPT:
        for key in list(cache)[: KEPT // 2]:
            del cache[key]
