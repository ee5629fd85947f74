"""From a published config.json to the settings of a native class, read by meaning: used, neutral at its value, or refused.

The same arithmetic may be written in several ways: a field that the authors' code derives may be missing, and the rotation of
positions is described in `rope_theta`, `rope_scaling` or `rope_parameters`. All of them are read here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parallelbench.errors import UserError
from parallelbench.models.layouts import LAYOUTS, Layout
from parallelbench.models.neutral import COMMON, wrong
from parallelbench.models.rope import ROPE_KEYS, read_rope

Size = Annotated[int, Field(ge=1, le=1 << 24)]
Heads = Annotated[int, Field(ge=1, le=1 << 12)]


class Settings(BaseModel):
    """The settings of a native class, by the names that transformers has for them; None where a class has no such setting."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    hidden_size: Size
    num_hidden_layers: Annotated[int, Field(ge=1, le=1 << 12)]
    num_attention_heads: Heads
    num_key_value_heads: Heads
    head_dim: Annotated[int, Field(ge=2, le=1 << 14, multiple_of=2)]
    vocab_size: Size
    max_position_embeddings: Annotated[int, Field(ge=1, le=1 << 31)]
    rms_norm_eps: Annotated[float, Field(gt=0, lt=1)]
    rope_theta: Annotated[float, Field(gt=0, lt=1e15)]
    tie_word_embeddings: bool
    attention_bias: bool = False
    intermediate_size: Size | None = None
    moe_intermediate_size: Size | None = None
    num_experts: Annotated[int, Field(ge=1, le=1 << 14)] | None = None
    n_routed_experts: Annotated[int, Field(ge=1, le=1 << 14)] | None = None
    n_shared_experts: Annotated[int, Field(ge=0, le=1 << 10)] | None = None
    num_experts_per_tok: Annotated[int, Field(ge=1, le=1 << 14)] | None = None
    norm_topk_prob: bool | None = None
    n_group: Annotated[int, Field(ge=1, le=1 << 12)] | None = None
    topk_group: Annotated[int, Field(ge=1, le=1 << 12)] | None = None
    routed_scaling_factor: Annotated[float, Field(gt=0, lt=1e6)] | None = None
    first_k_dense_replace: Annotated[int, Field(ge=0, le=1 << 12)] | None = None
    partial_rotary_factor: Annotated[float, Field(gt=0, le=1)] | None = None
    use_qk_norm: bool | None = None
    num_mtp_layers: int | None = None
    block: Annotated[int, Field(ge=1, le=1 << 16)] | None = None
    wide_rotation: bool = False

    @property
    def experts(self) -> int:
        """The number of routed experts of a layer; 0 without experts."""
        return self.num_experts or self.n_routed_experts or 0

    def native(self) -> dict[str, Any]:
        """The keyword arguments of the native configuration class."""
        return self.model_dump(exclude={"block", "wide_rotation"}, exclude_none=True)


def read_settings(
    published: Mapping[str, Any], layout_name: str, path: Path, ignore: Collection[str] = (), tied: bool = False
) -> Settings:
    """Read the config.json at `path` in the layout of an architecture.

    `ignore` are keys that the user says change nothing; `tied` says whether the output head is the embedding where the config
    does not.

    Raises:
        UserError: a key is unknown and not ignored, or not at a value at which it changes nothing; a setting is missing, of the
            wrong type, or contradicts another.
    """
    layout = LAYOUTS[layout_name]
    _refuse_unread(published, layout, path, ignore)
    given = {ours: published[theirs] for ours, theirs in layout.used.items() if published.get(theirs) is not None}
    rope = read_rope(published, path)
    if "partial_rotary_factor" not in layout.used and rope.pop("partial_rotary_factor", 1.0) != 1.0:
        raise UserError(f"{path} rotates a part of each head, which a {layout_name} model does not; copy config.json again.")
    given |= rope
    if layout.block and published.get(layout.block) is not None:
        given["block"] = published[layout.block]
    values = {"tie_word_embeddings": tied, **layout.defaults, **given, **layout.fixed}
    values["wide_rotation"] = layout.rope == "float32" and published.get("rope_full_precision", True) is not False
    _derive(values, published, layout_name)
    missing = [
        theirs for ours, theirs in layout.used.items() if ours not in values and Settings.model_fields[ours].is_required()
    ]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; it is no checkpoint in {layout_name} layout.")
    try:
        settings = Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "settings"
        key = "block_size" if key == "block" else key  # derived from that key
        raise UserError(
            f"{path} has {layout.used.get(key, key)}={first['input']!r:.60}, which cannot be ({first['msg']}); copy it again."
        ) from error
    _refuse_contradictions(settings, published, path)
    return settings


def _refuse_unread(published: Mapping[str, Any], layout: Layout, path: Path, ignore: Collection[str]) -> None:
    read = {*layout.used.values(), *ROPE_KEYS, layout.block} | set(ignore)
    for key, value in published.items():
        if key in read and key not in layout.neutral:
            continue
        if (reason := wrong(key, value, (layout.neutral, COMMON))) is not None:
            raise UserError(
                f"{path} has {reason}, so logits could differ from the authors' code; if it changes nothing, add ignore={key}."
            )


def _derive(values: dict[str, Any], published: Mapping[str, Any], layout_name: str) -> None:
    """Fill in what the authors' code derives from other settings."""
    if layout_name == "llada":
        _derive_llada(values, published)
    heads, hidden = values.get("num_attention_heads"), values.get("hidden_size")
    values.setdefault("num_key_value_heads", heads)
    if isinstance(heads, int) and isinstance(hidden, int) and heads > 0:
        values.setdefault("head_dim", hidden // heads)
    values.setdefault("attention_bias", False)


def _derive_llada(values: dict[str, Any], published: Mapping[str, Any]) -> None:
    """LLaDA's configuration: the embedding defaults to the vocabulary, the feed-forward layer to `mlp_ratio` widths (4)."""
    values.setdefault("vocab_size", published.get("vocab_size"))
    ratio, hidden = published.get("mlp_ratio", 4), values.get("hidden_size")
    if isinstance(ratio, int) and isinstance(hidden, int):
        values.setdefault("intermediate_size", ratio * hidden)
    if published.get("multi_query_attention") is True:
        values.setdefault("num_key_value_heads", 1)


def _refuse_contradictions(settings: Settings, published: Mapping[str, Any], path: Path) -> None:
    """Refuse sizes that do not divide as they must."""
    heads, keys = settings.num_attention_heads, settings.num_key_value_heads
    rotated = settings.head_dim * (settings.partial_rotary_factor or 1.0)
    problem = None
    if heads % keys:
        problem = f"{heads} attention heads are no multiple of {keys} heads of keys and values"
    elif published.get("head_dim") is None and settings.hidden_size % heads and "head_dim" not in published:
        problem = f"a hidden size of {settings.hidden_size} cannot be divided into {heads} heads"
    elif published.get("multi_query_attention") is not None and keys != (1 if published["multi_query_attention"] else heads):
        problem = (
            f"multi_query_attention={published['multi_query_attention']!r:.20} and {keys} heads of keys contradict each other"
        )
    elif published.get("rotary_dim") not in (None, int(rotated)):
        problem = f"rotary_dim={published['rotary_dim']!r:.20} is not the rotated part of a head, {int(rotated)}"
    elif not math.isclose(rotated % 2, 0):
        problem = f"{rotated:g} rotated dimensions of a head are no even number"
    elif settings.experts and (settings.num_experts_per_tok or 0) > settings.experts:
        problem = f"{settings.num_experts_per_tok} experts a token are more than {settings.experts} experts"
    elif settings.n_group and (settings.experts % settings.n_group or (settings.topk_group or 0) > settings.n_group):
        problem = (
            f"{settings.experts} experts cannot be divided into {settings.n_group} groups of which {settings.topk_group} count"
        )
    if problem:
        raise UserError(f"{path}: {problem}; copy config.json again.")
