"""What a denoiser is: token ids and a layout in, logits for the asked rows out. It needs no torch to be described."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from parallelbench.schema import Prompt, Sample, Turn

if TYPE_CHECKING:
    from torch import Tensor

Ints = npt.NDArray[np.int64]
Attention = Literal["full", "block_causal", "causal"]
Layers = Literal["all", "last30", "last_eighth"] | tuple[int, ...]
CacheKind = Literal["none", "prefix", "dual", "block"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model declares about itself.

    `vocab_size` counts the ids that may be written (an embedding may be padded beyond it); `end_ids` end the content;
    `shift` is 1 where the logits of position i are the model's output at i - 1; `block` is the block of a block-causal
    model; `offers` names what decoders may ask for beyond logits ("attention", "shadow", "edit") and whether the model keeps
    keys and values ("cache"), `requires` what a task must have ("law"),
    or a decoder ("score": there is no mask to start from);
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
class AttentionQuery:
    """Layers whose attention is wanted: all, the last 30 % or eighth (rounded up), or these indices."""

    layers: Layers = "last30"

    def chosen(self, count: int) -> tuple[int, ...]:
        """The indices of these layers in a model of `count` layers."""
        if self.layers == "all":
            return tuple(range(count))
        if self.layers == "last30":
            return tuple(range(count - -(-3 * count // 10), count))
        if self.layers == "last_eighth":
            return tuple(range(count - -(-count // 8), count))
        return tuple(self.layers)


@dataclass(frozen=True, slots=True)
class CacheRows:
    """What the rows of a forward see of earlier forwards, and what they leave behind.

    `positions` [R, L] are the places of the fed tokens in their whole rows. `past` holds for each row what an earlier forward
    kept of it, or is empty where no row has a past. `keep` names for each row the columns of `ids` whose keys and values are
    to be added to its past.
    """

    positions: Ints
    past: Sequence[Any]
    keep: Sequence[Ints]


@dataclass(frozen=True, slots=True)
class ForwardBatch:
    """Rows of one forward, right-padded to a common length L.

    `ids` [R, L] token ids; `lengths` [R] valid tokens of each row; `rows`, `columns` [N] name the positions whose logits
    are wanted, grouped by row; `prompts` [R] say whose row it is (models that know the answer's law read them).
    `attention` asks for attention maps, `shadow` for the view of a shadow mask at every asked position (see `Answer`);
    `cache` is None where whole rows are fed and nothing is kept. `noise` [R] is the noise level of each row for a model that
    is conditioned on one, NaN where none is asked for.
    """

    ids: Ints
    lengths: Ints
    rows: Ints
    columns: Ints
    prompts: Sequence[Prompt]
    attention: AttentionQuery | None = None
    shadow: bool = False
    cache: CacheRows | None = None
    noise: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a forward returns; the parts that were not asked for are None or empty.

    Attributes:
        logits: of the asked positions, [N, V].
        attention: from each asked position to every position of its whole row, float32, mean over heads and chosen layers,
            [N, C] with C at least the longest whole row.
        shadow: logits of a mask that stands in for the token at each asked position: it sees every other position of the row
            and not that token, [N, V].
        kept: for each row what `CacheRows.past` takes; opaque.
    """

    logits: Tensor
    attention: Tensor | None = None
    shadow: Tensor | None = None
    kept: Sequence[Any] = ()


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

    def answer(self, batch: ForwardBatch) -> Answer:
        """Return logits and whatever else a batch asks for. A model that offers nothing beyond logits leaves this as it is."""
        return Answer(self.forward(batch))

    def auxiliary(self) -> Denoiser:
        """This model as it serves beside another one (`Forward.model`): autoregressive where it can be."""
        return self

    def vocabulary(self) -> Mapping[str, int]:
        """The texts of the tokens and their ids; empty where they differ from sample to sample."""
        return {}

    def details(self) -> dict[str, Any]:
        """What belongs into provenance beyond `info` (path, hashes, options)."""
        return {}
