"""What a model declares about itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from parallelbench.errors import UserError

Attention = Literal["full", "block_causal", "causal"]

Capability = Literal["attention", "shadow", "cache", "edit", "score", "absorb", "uniform"]
"""What a model can do beyond logits.

* attention: return attention maps (`AttentionQuery`).
* shadow: return the distribution of a token given all others (`ForwardOutput.shadow`).
* cache: keep keys and values from one forward to the next (`CacheRows`).
* edit: it was trained to correct visible tokens.
* score: its logits are log-scores of a noise process (`ForwardBatch.noise`), of masks (absorb) or uniform tokens (uniform).
"""

Need = Literal[Capability, "logits", "aux"]
"""What a decoder may need: a capability of the model, its raw logits (every model has them), or an auxiliary model."""

Requirement = Literal["law", "score"]
"""What a model may require: a task whose right answers have a law, or a decoder that works on scores (there is no mask)."""


def check_names(kind: Any, names: Iterable[str], owner: str) -> None:
    """Refuse a name that the closed type `kind` (`Capability`, `Need` or `Requirement`) does not hold.

    Raises:
        UserError: names the first unknown one and all that are known.
    """
    unknown = sorted(set(names) - set(get_args(kind)))
    if unknown:
        raise UserError(
            f"{owner} names '{unknown[0]}', which is none of {', '.join(sorted(get_args(kind)))}; use one of these."
        )


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model declares about itself.

    Attributes:
        name: what results are listed under: the name of a card, of a repository on the hub, or of the checkpoint's folder.
        revision: tells weights of one name apart: a commit of the hub, or a hash of the checkpoint's files.
        vocab_size: the number of token ids that may be written; an embedding may be padded beyond it.
        mask_id, pad_id: the ids of the mask token and of padding; `end_ids` are those that end the content.
        context_length: the largest number of tokens, prompt and canvas together, that the model was made for.
        dtype, device: the precision of weights and activations, and where the model runs.
        shift: 1 where the logits of position i are the model's output at position i - 1, else 0.
        attention: "full", "block_causal" or "causal"; `block` is the length of a block in tokens where it is block-causal.
        shots: the number of demonstrations that the model was trained for; None leaves it to the task.
        template: the name of the chat template, "none" where the turns are joined as plain text.
        reads: what an answer is: "first_end" the tokens before the first end token; "canvas" every token of the canvas but
            mask, padding and end tokens, as the reference implementation of ParallelBench reads it.
        licence: of the weights.
        offers: its capabilities beyond logits.
        requires: what it needs of the task or of the decoder.
        active_params: parameters that one token passes through, without embedding and output head (0: unknown).
        total_params: all parameters, from which the memory of the weights follows (0: unknown).
        head_params, hidden_size, layers: sizes from which the arithmetic of a forward follows (0: unknown).
        tokenizer: the hash of the tokenizer, by which an exact model of the same tokens is found ("": tokens are items).
        ties: how equally probable tokens and equally ranked positions are chosen from where the decoder does not say: "first"
            the lowest id and position, "random" a seeded draw.
        card: the model card by which special tokens, template and demonstrations were chosen ("" where there is none).
        layout: the published architecture in which the tensors are stored, for example "llada" ("" where there is none).
        path: the folder of a checkpoint that was named by its path ("" for every other model).
        tuned: what it was fine-tuned on beyond its card, or by which adapter ("" where neither is known).

    Raises:
        UserError: `offers` or `requires` holds an unknown name.
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
    reads: Literal["first_end", "canvas"] = "first_end"
    licence: str = ""
    offers: frozenset[Capability] = frozenset()
    requires: frozenset[Requirement] = frozenset()
    active_params: int = 0
    total_params: int = 0
    head_params: int = 0
    hidden_size: int = 0
    layers: int = 0
    tokenizer: str = ""
    ties: Literal["first", "random"] = "first"
    card: str = ""
    layout: str = ""
    path: str = ""
    tuned: str = ""

    def __post_init__(self) -> None:
        check_names(Capability, self.offers, f"the model {self.name}")
        check_names(Requirement, self.requires, f"the model {self.name}")
