"""What a denoiser is: token ids in, logits for the requested positions out. Importing this needs no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.schema import Sample, Turn


class Codec(ABC):
    """Text to ids and back, the chat template included."""

    @abstractmethod
    def encode_chat(self, turns: Sequence[Turn]) -> tuple[list[int], str]:
        """Return the ids of a conversation that ends where the answer begins, and the text that was tokenised."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the ids of bare text, without special tokens."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; a token without text (mask, padding) is written as its name."""


class Denoiser(ABC):
    """A model that the engine decodes: it describes itself, tokenises, and runs one forward at a time."""

    @property
    @abstractmethod
    def info(self) -> ModelInfo:
        """What this model is."""

    @abstractmethod
    def codec_for(self, sample: Sample) -> Codec:
        """The codec of this sample's prompt and answer; a learned model has the same for every sample."""

    @abstractmethod
    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        """Run the model once: logits [N, V] of the requested positions, in the model's dtype or better.

        A model without further capabilities (`ModelInfo.offers`) returns `ForwardOutput(logits)`. One that offers attention
        maps, shadow masks or a cache fills in the field that the batch requests.
        """

    def auxiliary(self) -> Denoiser:
        """This model in the role of an auxiliary model (`ForwardRequest.model`): autoregressive where it can be."""
        return self

    def vocabulary(self) -> Mapping[str, int]:
        """The texts of the tokens and their ids; empty where they differ from sample to sample."""
        return {}

    def details(self) -> dict[str, Any]:
        """What belongs into provenance beyond `info` (path, hashes, options)."""
        return {}
