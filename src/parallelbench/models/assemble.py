"""From a checkpoint folder and its card to a denoiser on transformers' own classes: no remote code, no tensor lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from parallelbench.contracts.info import ModelInfo
from parallelbench.errors import MissingExtra, UserError
from parallelbench.models.cards import Card
from parallelbench.models.checkpoint import load_strictly, read_json, read_tensors, revision
from parallelbench.models.codec import ChatCodec, special_id, tokenizer_hash, vocabulary_size
from parallelbench.models.native import NativeDenoiser, SteadySilu
from parallelbench.models.reshapes import RESHAPES


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a model runs: `spread` lays its layers over all devices; `block` replaces the checkpoint's own block.

    `suffix` ends the revision where something beside the checkpoint can change an answer.
    """

    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    compiled: bool = False
    spread: bool = False
    block: int | None = None
    suffix: str = ""


def load(folder: Path, card: Card, tokenizer: Tokenizer, place: Placement) -> NativeDenoiser:
    """Load a checkpoint folder in its card's layout.

    Raises:
        UserError: a file is missing or damaged, a setting or a tensor does not fit, or a special token is not where the card
            says.
    """
    published = read_json(folder / "config.json")
    model = build(folder, published, card, place.dtype)
    block = place.block or published.get(card.layout.block) or card.block
    codec = ChatCodec(tokenizer, card)
    info = _info(model, tokenizer, card, folder, place, block if card.attention == "block_causal" else None)
    if card.layout.rope == "float32" and place.dtype != torch.float32:
        model.model.rotary_emb = WideAngles(model.model.rotary_emb)
    if place.device == "cpu" and place.dtype == torch.float32:
        for module in [module for module in model.modules() if hasattr(module, "act_fn")]:
            module.act_fn = SteadySilu()
    model = _spread(model) if place.spread else model.to(place.device)
    return NativeDenoiser(model.eval(), codec, info, compiled=place.compiled)


def build(folder: Path, published: dict[str, Any], card: Card, dtype: torch.dtype) -> PreTrainedModel:
    """Make the native model and fill it with the checkpoint's tensors, on the CPU.

    Raises:
        UserError: as `load`.
    """
    layout = card.layout
    cls = getattr(transformers, layout.model)
    config = _config(published, card, folder, cls.config_class)
    with torch.device("meta"):
        model: PreTrainedModel = cls(config)
    tensors = read_tensors(folder, layout.renames, dtype, layout.wide)
    for step in layout.reshapes:
        tensors = RESHAPES[step](tensors, config, folder)
    load_strictly(model, tensors, folder)
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # its buffers are computed, not stored
    if config.tie_word_embeddings:
        model.tie_weights()
    return model


class WideAngles(torch.nn.Module):
    """cos and sin of each position in float32 whatever the weights are: queries and keys are rotated in float32, rounded after.

    transformers rounds cos and sin to the weights' dtype; LLaDA's own code does not.
    """

    def __init__(self, rotary: torch.nn.Module) -> None:
        super().__init__()
        self._rotary = rotary

    def forward(self, hidden: Tensor, position_ids: Tensor) -> Any:
        return self._rotary(position_ids.float(), position_ids)


def _config(published: dict[str, Any], card: Card, folder: Path, cls: Any) -> Any:
    layout = card.layout
    path = folder / "config.json"
    missing = [theirs for theirs in layout.fields.values() if theirs not in published]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; it is no checkpoint in {card.architecture} layout.")
    for name, allowed in layout.requires.items():
        if name in published and published[name] not in allowed:
            raise UserError(f"{path} has {name}={published[name]!r}, which the native class of a {card.architecture} lacks.")
    fields = {ours: published[theirs] for ours, theirs in layout.fields.items()}
    fields |= {ours: published[theirs] for ours, theirs in layout.optional.items() if theirs in published}
    config = cls(**fields, **layout.fixed, attn_implementation="sdpa")
    config.is_causal = False
    return config


def _info(
    model: PreTrainedModel, tokenizer: Tokenizer, card: Card, folder: Path, place: Placement, block: int | None
) -> ModelInfo:
    config = model.config
    vocabulary = vocabulary_size(tokenizer)
    if vocabulary > config.vocab_size:
        raise UserError(
            f"{folder / 'tokenizer.json'} has {vocabulary} ids, but the embedding only {config.vocab_size}; "
            "copy tokenizer and weights of the same model."
        )
    return ModelInfo(
        name=card.name, revision=revision(folder) + place.suffix, vocab_size=vocabulary,
        mask_id=special_id(tokenizer, card.mask, card), pad_id=special_id(tokenizer, card.pad, card),
        end_ids=tuple(special_id(tokenizer, end, card) for end in card.ends), context_length=config.max_position_embeddings,
        dtype=str(place.dtype).removeprefix("torch."), device=place.device, shift=card.shift, attention=card.attention,
        block=block, shots=card.shots, template=card.template, licence=card.licence, offers=card.offers,
        active_params=_active(model), head_params=model.lm_head.weight.numel(), hidden_size=config.hidden_size,
        layers=config.num_hidden_layers, tokenizer=tokenizer_hash(tokenizer), layout=card.architecture, path=str(folder),
    )  # fmt: skip


def _active(model: PreTrainedModel) -> int:
    """Parameters that a token passes through, without embedding and output head; of a layer's experts its share."""
    config = model.config
    share = config.num_experts_per_tok / config.num_local_experts if hasattr(config, "num_experts_per_tok") else 1.0
    outer = ("lm_head", "model.embed_tokens")
    inner = {name: p.numel() for name, p in model.named_parameters() if not name.startswith(outer)}
    return int(sum(count * (share if ".experts." in name else 1) for name, count in inner.items()))


def _spread(model: PreTrainedModel) -> PreTrainedModel:
    """Lay the layers over all devices of the machine."""
    try:
        from accelerate import dispatch_model, infer_auto_device_map
    except ImportError:
        raise MissingExtra("device_map=auto", "spread") from None
    places = infer_auto_device_map(model, no_split_module_classes=model._no_split_modules)
    spread: PreTrainedModel = dispatch_model(model, places)
    return spread
