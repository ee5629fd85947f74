"""Small random checkpoints as they are published: config field names, tensor names, shards with an index, tokenizer.json.

Ids of special tokens are the published ones, so the vocabularies are whole and everything else is tiny.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

HIDDEN, HEADS, GROUPS, SIZE, LAYERS, INNER, EXPERTS = 16, 4, 2, 8, 2, 24, 8
QWEN = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
LLADA = {
    "<|startoftext|>": 126080, "<|endoftext|>": 126081, "<|mdm_mask|>": 126336, "<|start_header_id|>": 126346,
    "<|end_header_id|>": 126347, "<|eot_id|>": 126348,
}  # fmt: skip
LING = {"<|endoftext|>": 156892, "<|mask|>": 156895, "<role>": 156896, "</role>": 156897, "<|role_end|>": 156900}
SPECIAL: dict[str, dict[str, int]] = {
    "llada": LLADA,
    "dream": {**QWEN, "<|beginoftext|>": 151665, "<|mask|>": 151666},
    "diffucoder": {**QWEN, "<|mask|>": 151666, "<|dlm_pad|>": 151667},
    "sdar": {**QWEN, "<|MASK|>": 151669},
    "sdar_moe": {**QWEN, "<|MASK|>": 151669},
    "llada_moe": LING,
    "llada2": LING,
}
VOCABULARY = {"llada": 126464, "dream": 152064, "diffucoder": 152064, "sdar": 151936, "sdar_moe": 151936}
NAMES = {
    "llada": "LLaDAModelLM", "dream": "DreamModel", "diffucoder": "DreamModel", "sdar": "SDARForCausalLM",
    "sdar_moe": "SDARMoeForCausalLM", "llada_moe": "LLaDAMoEModelLM", "llada2": "LLaDA2MoeModelLM",
}  # fmt: skip
LAYOUT_NAMES = tuple(NAMES)


def config(layout: str) -> dict[str, Any]:
    """The published config.json of a layout, with small sizes."""
    named: dict[str, Any] = {"architectures": [NAMES[layout]]}
    if layout == "llada":
        return named | {
            "model_type": "llada", "d_model": HIDDEN, "n_layers": LAYERS, "n_heads": HEADS, "n_kv_heads": GROUPS,
            "mlp_hidden_size": INNER, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "max_sequence_length": 4096,
            "embedding_size": VOCABULARY[layout], "vocab_size": VOCABULARY[layout], "weight_tying": False,
            "activation_type": "silu", "block_type": "llama", "layer_norm_type": "rms", "include_bias": False, "rope": True,
        }  # fmt: skip
    common = {
        "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": GROUPS,
        "rms_norm_eps": 1e-6, "max_position_embeddings": 4096, "hidden_act": "silu", "tie_word_embeddings": False,
        "rope_scaling": None, "vocab_size": VOCABULARY.get(layout, 157184), "intermediate_size": INNER, "rope_theta": 1e6,
    }  # fmt: skip
    if layout in ("dream", "diffucoder"):
        return named | common | {"model_type": "Dream", "use_sliding_window": False}
    if layout == "sdar":
        return named | common | {"model_type": "sdar", "head_dim": SIZE, "attention_bias": False, "block_size": 4}
    experts = {"num_experts": EXPERTS, "num_experts_per_tok": 3}
    if layout == "sdar_moe":
        more = {
            "model_type": "sdar_moe",
            "head_dim": SIZE,
            "block_size": 4,
            "moe_intermediate_size": 12,
            "norm_topk_prob": True,
        }
        return named | common | experts | more | {"decoder_sparse_step": 1, "mlp_only_layers": []}
    if layout == "llada_moe":
        del common["intermediate_size"]
        more = {"model_type": "llada", "qk_layernorm": True, "expert_intermediate_size": 12, "rope_theta": 50000.0}
        more |= {"shared_expert_intermediate_size": None, "partial_rotary_factor": 1, "num_key_value_heads": HEADS}
        return named | common | experts | more | {"routed_scaling_factor": 1, "moe_router_enable_expert_bias": False}
    return named | common | experts | {
        "model_type": "llada2_moe", "head_dim": SIZE, "moe_intermediate_size": 12, "num_shared_experts": 1, "n_group": 4,
        "topk_group": 2, "first_k_dense_replace": 1, "routed_scaling_factor": 2.5, "partial_rotary_factor": 0.5,
        "norm_topk_prob": True, "use_bias": False, "use_qkv_bias": False, "score_function": "sigmoid", "rope_theta": 6e5,
    }  # fmt: skip


def shapes(layout: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The published names and shapes of all tensors."""
    made = config(layout)
    words = made["vocab_size"]
    if layout == "llada":
        prefix = "model.transformer"
        yield from ((f"{prefix}.wte.weight", (words, HIDDEN)), (f"{prefix}.ln_f.weight", (HIDDEN,)))
        yield f"{prefix}.ff_out.weight", (words, HIDDEN)
        for at in range(LAYERS):
            for name, shape in _llada_block().items():
                yield f"{prefix}.blocks.{at}.{name}.weight", shape
        return
    yield ("model.word_embeddings.weight" if layout == "llada2" else "model.embed_tokens.weight"), (words, HIDDEN)
    yield from (("model.norm.weight", (HIDDEN,)), ("lm_head.weight", (words, HIDDEN)))
    for at in range(LAYERS):
        for name, shape in _block(layout, made, at):
            yield f"model.layers.{at}.{name}", shape


def _llada_block() -> dict[str, tuple[int, ...]]:
    key = GROUPS * HIDDEN // HEADS
    return {
        "attn_norm": (HIDDEN,), "ff_norm": (HIDDEN,), "q_proj": (HIDDEN, HIDDEN), "k_proj": (key, HIDDEN),
        "v_proj": (key, HIDDEN), "attn_out": (HIDDEN, HIDDEN), "ff_proj": (INNER, HIDDEN), "up_proj": (INNER, HIDDEN),
        "ff_out": (HIDDEN, INNER),
    }  # fmt: skip


def _block(layout: str, made: dict[str, Any], at: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    size = made.get("head_dim", HIDDEN // HEADS)
    wide, key = HEADS * size, made["num_key_value_heads"] * size
    yield from (("input_layernorm.weight", (HIDDEN,)), ("post_attention_layernorm.weight", (HIDDEN,)))
    if layout == "llada2":
        yield "attention.query_key_value.weight", (wide + 2 * key, HIDDEN)
        yield from (("attention.query_layernorm.weight", (size,)), ("attention.key_layernorm.weight", (size,)))
        yield "attention.dense.weight", (HIDDEN, wide)
    else:
        for name, rows in (("q", wide), ("k", key), ("v", key)):
            yield f"self_attn.{name}_proj.weight", (rows, HIDDEN)
            if layout in ("dream", "diffucoder"):
                yield f"self_attn.{name}_proj.bias", (rows,)
        if layout not in ("dream", "diffucoder"):
            yield from (("self_attn.q_norm.weight", (size,)), ("self_attn.k_norm.weight", (size,)))
        yield "self_attn.o_proj.weight", (HIDDEN, wide)
    if "num_experts" not in made or at < made.get("first_k_dense_replace", 0):
        yield from _gated("mlp", made["intermediate_size"])
        return
    inner = made.get("moe_intermediate_size", made.get("expert_intermediate_size"))
    yield "mlp.gate.weight", (EXPERTS, HIDDEN)
    if layout == "llada2":
        yield "mlp.gate.expert_bias", (EXPERTS,)
        yield from _gated("mlp.shared_experts", inner)
    for expert in range(EXPERTS):
        yield from _gated(f"mlp.experts.{expert}", inner)


def _gated(name: str, inner: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from ((f"{name}.gate_proj.weight", (inner, HIDDEN)), (f"{name}.up_proj.weight", (inner, HIDDEN)))
    yield f"{name}.down_proj.weight", (HIDDEN, inner)


def write(folder: Path, layout: str, seed: int = 0) -> Path:
    """Write a random checkpoint in two shards."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: _random(name, shape, generator) for name, shape in shapes(layout)}
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, tensors)
    (folder / "config.json").write_text(json.dumps(config(layout)), encoding="utf-8")
    tokenizer(SPECIAL[layout]).save(str(folder / "tokenizer.json"))
    return folder


def _random(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    noise = torch.randn(shape, generator=generator)
    if len(shape) == 1:
        return noise * 0.1 + ("norm" in name or "ln_f" in name)
    return noise * (0.5 if "embed" in name or "wte" in name else 1 / math.sqrt(shape[1]))


def save(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors in two shards with an index."""
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for part, own in parts.items():
        save_file({name: tensors[name] for name in own}, folder / part)
    index = {"metadata": {}, "weight_map": {name: part for part, own in parts.items() for name in own}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def tokenizer(special: dict[str, int]) -> Tokenizer:
    """Bytes, and special tokens at their published ids."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(alphabet)} | special, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return made
