"""What a denoiser is: token ids and a layout in, logits for the asked rows out. It needs no torch to be described."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from parallelbench.schema import Prompt, Sample, Turn

if TYPE_CHECKING:
    from torch import Tensor

Ints = npt.NDArray[np.int64]
Attention = Literal["full", "block_causal"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model declares about itself.

    `vocab_size` counts the ids that may be written (an embedding may be padded beyond it); `end_ids` end the content;
    `shift` is 1 where the logits of position i are the model's output at i - 1; `block` is the block of a block-causal
    model; `offers` names what decoders may ask for beyond logits, `requires` what a task must have ("law");
    `active_params`, `hidden_size` and `layers` are what the arithmetic of a forward follows from (0: unknown).
    """

    name: str
    revision: str
    vocab_size: int
    mask_id: int
    end_ids: tuple[int, ...]
    pad_id: int
    context_length: int
    dtype: str = "float32"
    device: str = "cpu"
    shift: int = 0
    attention: Attention = "full"
    block: int | None = None
    shots: int | None = None
    template: str = "none"
    licence: str = ""
    offers: frozenset[str] = frozenset()
    requires: frozenset[str] = frozenset()
    active_params: int = 0
    head_params: int = 0
    hidden_size: int = 0
    layers: int = 0


@dataclass(frozen=True, slots=True)
class ForwardBatch:
    """Rows of one forward, right-padded to a common length L.

    `ids` [R, L] token ids; `lengths` [R] valid tokens of each row; `rows`, `columns` [N] name the positions whose logits
    are wanted, grouped by row; `prompts` [R] say whose row it is (models that know the answer's law read them).
    """

    ids: Ints
    lengths: Ints
    rows: Ints
    columns: Ints
    prompts: Sequence[Prompt]


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
        """Return the text of ids; a token that stands for no text (mask, padding) is written out as its name."""


class Denoiser(ABC):
    """A model whose loop we own. Closed set of duties: describe itself, tokenise, and run one forward."""

    @property
    @abstractmethod
    def info(self) -> ModelInfo:
        """What this model is."""

    @abstractmethod
    def codec_for(self, sample: Sample) -> Codec:
        """The codec in which this sample is asked; one and the same for every sample of a learned model."""

    @abstractmethod
    def forward(self, batch: ForwardBatch) -> Tensor:
        """Return logits [N, V] for the asked positions, in the model's dtype or better."""

    def details(self) -> dict[str, Any]:
        """What belongs into provenance beyond `info` (path, hashes, options)."""
        return {}
