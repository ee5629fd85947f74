"""What a model declares about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Attention = Literal["full", "block_causal", "causal"]


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
