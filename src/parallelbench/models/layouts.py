"""Layouts: how each architecture is published, and the class of transformers that computes it. Facts, no code.

Sources: the checkpoints' own config.json and tensor indices. LLaDA (arXiv 2502.09992) is a Llama; Dream (2508.15487) and
DiffuCoder (2506.20639) are a Qwen2; SDAR (2510.06303) and TraDo a Qwen3; LLaDA-MoE (2509.24389) routes like a Qwen3-MoE
(softmax over all experts, weights not made to sum to 1); LLaDA2.x routes like a GLM-4.5 (sigmoid, groups, a bias that
only chooses, a shared expert, half of each head rotated).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from parallelbench.models.neutral import ANY, Neutral, all_equal, each, only

Reshape = Literal["split_qkv", "stack_experts"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How one architecture is published.

    Attributes:
        names: what `architectures` in config.json may say.
        model: the causal LM class of transformers that computes it; its config class is the same name with `Config`.
        used: settings of that config -> names in the published config.json.
        defaults: settings that the authors' code assumes where the published config does not name them.
        fixed: settings that hold for every checkpoint of this architecture.
        neutral: published keys that the native class does not read, and at which values that changes nothing.
        renames: (pattern, replacement) pairs; the first that matches is applied to a published tensor name.
        reshapes: what happens to renamed tensors where the native class cuts them otherwise.
        wide: ends of native tensor names that stay in float32 whatever the weights' dtype.
        block: the published name of the length of a block, where attention is block-causal.
        rope: the precision in which positions are rotated by the authors' code.
    """

    names: tuple[str, ...]
    model: str
    used: Mapping[str, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, Neutral] = field(default_factory=dict)
    renames: tuple[tuple[str, str], ...] = ()
    reshapes: tuple[Reshape, ...] = ()
    wide: tuple[str, ...] = ()
    block: str = ""
    rope: Literal["float32", "weights"] = "weights"


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


LLADA_FIELDS = {
    "hidden_size": "d_model",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "num_key_value_heads": "n_kv_heads",
    "intermediate_size": "mlp_hidden_size",
    "rms_norm_eps": "rms_norm_eps",
    "rope_theta": "rope_theta",
    "max_position_embeddings": "max_sequence_length",
    "vocab_size": "embedding_size",
    "tie_word_embeddings": "weight_tying",
}

LLADA_RENAMES = (
    (r"^model\.transformer\.wte\.", "model.embed_tokens."),
    (r"^model\.transformer\.ln_f\.", "model.norm."),
    (r"^model\.transformer\.ff_out\.", "lm_head."),
    (r"^model\.transformer\.blocks\.(\d+)\.attn_norm\.", r"model.layers.\1.input_layernorm."),
    (r"^model\.transformer\.blocks\.(\d+)\.ff_norm\.", r"model.layers.\1.post_attention_layernorm."),
    (r"^model\.transformer\.blocks\.(\d+)\.([qkv]_proj)\.", r"model.layers.\1.self_attn.\2."),
    (r"^model\.transformer\.blocks\.(\d+)\.attn_out\.", r"model.layers.\1.self_attn.o_proj."),
    (r"^model\.transformer\.blocks\.(\d+)\.ff_proj\.", r"model.layers.\1.mlp.gate_proj."),
    (r"^model\.transformer\.blocks\.(\d+)\.up_proj\.", r"model.layers.\1.mlp.up_proj."),
    (r"^model\.transformer\.blocks\.(\d+)\.ff_out\.", r"model.layers.\1.mlp.down_proj."),
)

_LLADA2_RENAMES = (
    (r"^model\.word_embeddings\.", "model.embed_tokens."),
    (r"^model\.layers\.(\d+)\.attention\.query_key_value\.", r"model.layers.\1.self_attn.qkv_proj."),
    (r"^model\.layers\.(\d+)\.attention\.dense\.", r"model.layers.\1.self_attn.o_proj."),
    (r"^model\.layers\.(\d+)\.attention\.query_layernorm\.", r"model.layers.\1.self_attn.q_norm."),
    (r"^model\.layers\.(\d+)\.attention\.key_layernorm\.", r"model.layers.\1.self_attn.k_norm."),
    (r"^model\.layers\.(\d+)\.mlp\.gate\.expert_bias$", r"model.layers.\1.mlp.gate.e_score_correction_bias"),
)

_SHARED = _same(
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rms_norm_eps", "rope_theta",
    "max_position_embeddings", "vocab_size", "tie_word_embeddings",
)  # fmt: skip
_DENSE = {**_SHARED, **_same("intermediate_size")}
_QWEN_DEFAULTS = {"rms_norm_eps": 1e-6, "rope_theta": 10_000.0, "max_position_embeddings": 32_768}
_SILU = {"hidden_act": only("silu")}
_QWEN = {
    **_SILU, **each(ANY, "sliding_window", "max_window_layers"), "use_sliding_window": only(False, None),
    "layer_types": all_equal("full_attention"), "use_mrope": only(False, None),
}  # fmt: skip
_QWEN_MOE = {
    "decoder_sparse_step": only(1, None), "mlp_only_layers": only([], None), "num_local_experts": ANY,
}  # fmt: skip

LAYOUTS: dict[str, Layout] = {
    "llada": Layout(
        names=("LLaDAModelLM",), model="LlamaForCausalLM", used=LLADA_FIELDS, fixed={"attention_bias": False},
        defaults={"rms_norm_eps": 1e-5, "rope_theta": 10_000.0, "max_position_embeddings": 1024},
        neutral={
            "activation_type": only("silu"), "block_type": only("llama"), "layer_norm_type": only("rms"), "rope": only(True),
            **each(only(False, None), "include_bias", "include_qkv_bias", "attention_layer_norm", "scale_logits", "alibi"),
            **each(only(False, None), "input_emb_norm", "bias_for_layer_norm"), "layer_norm_with_affine": only(True),
            "block_group_size": only(1), "rope_full_precision": only(True, False),
            **each(ANY, "alibi_bias_max", "attention_layer_norm_with_affine", "tie_word_embeddings"),
            **each(ANY, "mlp_ratio", "vocab_size", "multi_query_attention"),  # read where another key is missing (`configs`)
        },
        renames=LLADA_RENAMES, rope="float32",
    ),
    "dream": Layout(
        names=("DreamModel", "DreamForCausalLM"), model="Qwen2ForCausalLM", used=_DENSE, defaults=_QWEN_DEFAULTS, neutral=_QWEN
    ),
    "sdar": Layout(
        names=("SDARForCausalLM",), model="Qwen3ForCausalLM", used={**_DENSE, **_same("head_dim", "attention_bias")},
        defaults={**_QWEN_DEFAULTS, "head_dim": 128}, neutral=_QWEN, block="block_size",
    ),
    "sdar_moe": Layout(
        names=("SDARMoeForCausalLM",), model="Qwen3MoeForCausalLM",
        used={
            **_DENSE, **_same("head_dim", "attention_bias", "moe_intermediate_size", "num_experts", "num_experts_per_tok"),
            "norm_topk_prob": "norm_topk_prob",
        },
        defaults={**_QWEN_DEFAULTS, "head_dim": 128}, reshapes=("stack_experts",), block="block_size",
        neutral={**_QWEN, **_QWEN_MOE},
    ),
    "llada_moe": Layout(
        names=("LLaDAMoEModelLM", "LLaDAMoEModel"), model="Qwen3MoeForCausalLM",
        used={
            **_SHARED, **_same("num_experts", "num_experts_per_tok"), "moe_intermediate_size": "expert_intermediate_size",
        },
        fixed={"norm_topk_prob": False, "attention_bias": False}, reshapes=("stack_experts",),
        neutral={
            **_SILU, "qk_layernorm": only(True), "shared_expert_intermediate_size": only(None, 0),
            "partial_rotary_factor": only(1, None), "routed_scaling_factor": only(1, None),
            **each(only(False, None), "moe_router_enable_expert_bias", "attention_bias", "norm_topk_prob"),
            "moe_router_score_function": only("softmax", None), "moe_layer_freq": all_equal(1),
            **each(only(None), "clip_qkv", "router_num_group", "router_topk_group"), "dense_intermediate_size": ANY,
        },
    ),
    "llada2": Layout(
        names=("LLaDA2MoeModelLM",), model="Glm4MoeForCausalLM",
        used={
            **_DENSE, **_same(
                "head_dim", "moe_intermediate_size", "num_experts_per_tok", "n_group", "topk_group", "routed_scaling_factor",
                "first_k_dense_replace", "partial_rotary_factor",
            ), "n_routed_experts": "num_experts", "n_shared_experts": "num_shared_experts",
        },
        fixed={"use_qk_norm": True, "norm_topk_prob": True, "attention_bias": False, "num_mtp_layers": 0},
        neutral={
            **_QWEN, **each(only(False, None), "use_bias", "use_qkv_bias", "norm_head", "norm_softmax"),
            "using_split_qkv_in_self_attention": only(False, None),
            "score_function": only("sigmoid", None), "topk_method": only("noaux_tc", None), "norm_topk_prob": only(True),
            **each(only(True, None), "use_qk_norm", "use_rmsnorm", "moe_router_enable_expert_bias"),
            "router_dtype": only("fp32", None), "num_nextn_predict_layers": only(0, None),
            "moe_shared_expert_intermediate_size": ANY,  # the shape of the shared experts' tensors says it too
        },
        renames=_LLADA2_RENAMES, reshapes=("split_qkv", "stack_experts"), block="block_size",
        wide=(".e_score_correction_bias",),
    ),
    "sedd": Layout(names=("SEDD",), model="", used={}),
}  # fmt: skip


def layout_named(names: object) -> str | None:
    """The layout that one of these names of architectures belongs to, or None."""
    found = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return next((key for key, layout in LAYOUTS.items() if set(found) & set(layout.names)), None)


def rename(name: str, renames: Sequence[tuple[str, str]]) -> str:
    """Apply the first rule (pattern, replacement) that matches the name of a tensor."""
    for pattern, replacement in renames:
        renamed, count = re.subn(pattern, replacement, name)
        if count:
            return renamed
    return name
