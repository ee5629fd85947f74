"""What a model is, in lines for people: for `show model` and `doctor`. Needs no weights."""

from __future__ import annotations

from collections.abc import Sequence

from parallelbench.contracts.denoiser import Codec
from parallelbench.contracts.info import ModelInfo
from parallelbench.models.cards import CARDS, Card

LAYOUT_NAMES = {
    "llada": "LLaDA", "dream": "Dream", "sdar": "SDAR", "sdar_moe": "SDAR-MoE", "llada_moe": "LLaDA-MoE", "llada2": "LLaDA2",
    "sedd": "SEDD",
}  # fmt: skip


def facts_of(info: ModelInfo, codec: Codec | None = None) -> dict[str, str]:
    """Describe a denoiser; with its codec special tokens are shown with their texts."""
    card = CARDS.get(info.card)
    special = {"mask": (info.mask_id,), "end": info.end_ids, "padding": (info.pad_id,)}
    demonstrations = {None: "as the task says", 0: "none"}.get(info.shots, str(info.shots))
    facts = {
        "model": f"{info.name}, revision {info.revision}",
        "layout": f"{LAYOUT_NAMES[info.layout]} layout" if info.layout in LAYOUT_NAMES else "",
        "folder": info.path,
        "card": info.card,
        "licence": info.licence,
        "trained on": "" if card is None else card.training,
        "trained with": "" if card is None else "\n".join(one.described() for one in card.trained),
        "fine-tuned": info.tuned,
        "demonstrations": demonstrations,
        "attention": info.attention.replace("_", "-") + (f", blocks of {info.block}" if info.block else ""),
        "logits": "of the position before (shift 1)" if info.shift else "of the position itself",
        "vocabulary": f"{info.vocab_size:,} ids",
        **{name: _tokens(ids, codec) for name, ids in special.items()},
        "template": info.template,
        "context": f"{info.context_length:,} tokens",
        "parameters": _sizes(info),
        "offers": ", ".join(sorted(info.offers)),
        "requires": ", ".join(sorted(info.requires)),
    }
    return {key: value for key, value in facts.items() if value}


def facts_of_card(card: Card) -> dict[str, str]:
    """Describe a published checkpoint by its card alone, so that none of its files need be on this machine."""
    facts = {
        "hub": card.hub_id,
        "layout": f"{LAYOUT_NAMES[card.architecture]} layout",
        "licence": card.licence,
        "demonstrations": {None: "as the task says", 0: "none"}.get(card.shots, str(card.shots)),
        "attention": card.attention.replace("_", "-") + (f", blocks of {card.block}" if card.block else ""),
        "logits": "of the position before (shift 1)" if card.shift else "of the position itself",
        "mask": card.mask,
        "end": ", ".join(card.ends),
        "padding": card.pad,
        "template": "none (template=chat for its chat template)" if card.base else card.template,
        "offers": ", ".join(sorted(card.offers)),
    }
    return {key: value for key, value in facts.items() if value}


def _tokens(ids: Sequence[int], codec: Codec | None) -> str:
    return ", ".join(str(token) if codec is None else f"{token} {codec.decode([token])!r}" for token in ids)


def _sizes(info: ModelInfo) -> str:
    if not info.active_params:
        return ""
    return f"{info.active_params:,} a token, {info.head_params:,} in the output head, {info.layers} layers"
