"""Layouts: how each architecture is published, and the class of transformers that computes it. Facts, no code.

Sources: the checkpoints' own config.json and tensor indices. LLaDA (arXiv 2502.09992) is a Llama; Dream (2508.15487) and
DiffuCoder (2506.20639) are a Qwen2; SDAR (2510.06303) and TraDo a Qwen3; LLaDA-MoE (2509.24389) routes like a Qwen3-MoE
(softmax over all experts, weights not made to sum to 1); LLaDA2.x routes like a GLM-4.5 (sigmoid, groups, a bias that
only chooses, a shared expert, half of each head rotated).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Reshape = Literal["split_qkv", "stack_experts"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How one architecture is published.

    Attributes:
        names: what `architectures` in config.json may say.
        model: the causal LM class of transformers that computes it; its config class is the same name with `Config`.
        fields: names of that config -> names in the published config.json.
        optional: the same, for settings that may be missing.
        fixed: settings that hold for every checkpoint of this architecture.
        requires: published settings under which the native class is right; one that is not there is taken as right.
        renames: (pattern, replacement) pairs; the first that matches is applied to a published tensor name.
        reshapes: what happens to renamed tensors where the native class cuts them otherwise.
        wide: ends of native tensor names that stay in float32 whatever the weights' dtype.
        block: the published name of the length of a block, where attention is block-causal.
        rope: the precision in which positions are rotated by the authors' code.
    """

    names: tuple[str, ...]
    model: str
    fields: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    requires: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
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
_PLAIN = {"hidden_act": ("silu",), "rope_scaling": (None,), "use_sliding_window": (False, None)}

LAYOUTS: dict[str, Layout] = {
    "llada": Layout(
        names=("LLaDAModelLM",), model="LlamaForCausalLM", fields=LLADA_FIELDS, fixed={"attention_bias": False},
        requires={
            "activation_type": ("silu",), "block_type": ("llama",), "layer_norm_type": ("rms",), "include_bias": (False,),
            "include_qkv_bias": (False, None), "rope": (True,), "attention_layer_norm": (False,), "scale_logits": (False,),
        },
        renames=LLADA_RENAMES, rope="float32",
    ),
    "dream": Layout(names=("DreamModel", "DreamForCausalLM"), model="Qwen2ForCausalLM", fields=_DENSE, requires=_PLAIN),
    "sdar": Layout(
        names=("SDARForCausalLM",), model="Qwen3ForCausalLM", fields={**_DENSE, **_same("head_dim")},
        optional=_same("attention_bias"), requires=_PLAIN, block="block_size",
    ),
    "sdar_moe": Layout(
        names=("SDARMoeForCausalLM",), model="Qwen3MoeForCausalLM",
        fields={**_DENSE, **_same("head_dim", "moe_intermediate_size", "num_experts", "num_experts_per_tok", "norm_topk_prob")},
        optional=_same("attention_bias"), reshapes=("stack_experts",), block="block_size",
        requires={**_PLAIN, "decoder_sparse_step": (1,), "mlp_only_layers": ([], None)},
    ),
    "llada_moe": Layout(
        names=("LLaDAMoEModelLM", "LLaDAMoEModel"), model="Qwen3MoeForCausalLM",
        fields={
            **_SHARED, **_same("num_experts", "num_experts_per_tok"), "moe_intermediate_size": "expert_intermediate_size",
        },
        fixed={"norm_topk_prob": False, "attention_bias": False}, reshapes=("stack_experts",),
        requires={
            "hidden_act": ("silu",), "rope_scaling": (None,), "qk_layernorm": (True,), "clip_qkv": (None,),
            "shared_expert_intermediate_size": (None, 0), "partial_rotary_factor": (1,), "routed_scaling_factor": (1, None),
            "moe_router_enable_expert_bias": (False,), "attention_bias": (False,), "norm_topk_prob": (False, None),
        },
    ),
    "llada2": Layout(
        names=("LLaDA2MoeModelLM",), model="Glm4MoeForCausalLM",
        fields={
            **_DENSE, **_same(
                "head_dim", "moe_intermediate_size", "num_experts_per_tok", "n_group", "topk_group", "routed_scaling_factor",
                "first_k_dense_replace", "partial_rotary_factor",
            ), "n_routed_experts": "num_experts", "n_shared_experts": "num_shared_experts",
        },
        fixed={"use_qk_norm": True, "norm_topk_prob": True, "attention_bias": False, "num_mtp_layers": 0},
        requires={
            "hidden_act": ("silu",), "rope_scaling": (None,), "use_bias": (False,), "use_qkv_bias": (False,),
            "score_function": ("sigmoid", None), "norm_topk_prob": (True,), "use_sliding_window": (False, None),
        },
        renames=_LLADA2_RENAMES, reshapes=("split_qkv", "stack_experts"), block="block_size",
        wide=(".e_score_correction_bias",),
    ),
    "sedd": Layout(names=("SEDD",), model="", fields={}),
}  # fmt: skip


def layout_named(names: object) -> str | None:
    """The layout that one of these names of architectures belongs to, or None."""
    found = names if isinstance(names, list) else []
    return next((key for key, layout in LAYOUTS.items() if set(found) & set(layout.names)), None)
