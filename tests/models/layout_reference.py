"""The published architectures in plain PyTorch and float64, read from their own tensor names. No line is the package's.

Blocks: x + attention(norm(x)), then x + feed-forward(norm(x)); RMSNorm; rotary positions on halves of (a part of) each head;
grouped heads; SwiGLU, dense or one of several experts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

Weights = dict[str, Tensor]


def logits(folder: Path, ids: Tensor, block: int | None = None) -> Tensor:
    """Outputs [T, V] of one row of ids [T]; with `block`, a position sees its own block and those before it."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = {name: w.double() for path in sorted(folder.glob("*.safetensors")) for name, w in load_file(path).items()}
    at = torch.arange(len(ids)) // (block or len(ids))
    seen = at[:, None] >= at[None, :]
    table = weights.get("model.embed_tokens.weight", weights.get("model.word_embeddings.weight"))
    assert table is not None
    x, eps = table[ids], config["rms_norm_eps"]
    for layer in range(config["num_hidden_layers"]):
        start = f"model.layers.{layer}."
        own = {name.removeprefix(start): w for name, w in weights.items() if name.startswith(start)}
        x = x + attention(norm(x, own["input_layernorm.weight"], eps), own, config, seen)
        x = x + feed_forward(norm(x, own["post_attention_layernorm.weight"], eps), own, config)
    return norm(x, weights["model.norm.weight"], eps) @ weights["lm_head.weight"].T


def norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def attention(x: Tensor, own: Weights, config: dict[str, Any], seen: Tensor) -> Tensor:
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    size = config.get("head_dim", config["hidden_size"] // heads)
    if "attention.query_key_value.weight" in own:
        fused = x @ own["attention.query_key_value.weight"].T
        queries, keys, values = fused.split([heads * size, groups * size, groups * size], dim=-1)
        out = own["attention.dense.weight"]
        scale_q, scale_k = own["attention.query_layernorm.weight"], own["attention.key_layernorm.weight"]
    else:
        queries, keys, values = (
            x @ own[f"self_attn.{name}_proj.weight"].T + own.get(f"self_attn.{name}_proj.bias", torch.zeros(()))
            for name in "qkv"
        )
        out = own["self_attn.o_proj.weight"]
        scale_q, scale_k = own.get("self_attn.q_norm.weight"), own.get("self_attn.k_norm.weight")
    part = int(size * config.get("partial_rotary_factor", 1))
    mixed = []
    for head in range(heads):
        shared = head // (heads // groups)
        q, k, v = (all_[:, at * size : (at + 1) * size] for all_, at in ((queries, head), (keys, shared), (values, shared)))
        if scale_q is not None and scale_k is not None:
            q, k = norm(q, scale_q, config["rms_norm_eps"]), norm(k, scale_k, config["rms_norm_eps"])
        q, k = (rotate(one, part, config["rope_theta"]) for one in (q, k))
        scores = (q @ k.T / size**0.5).masked_fill(~seen, -torch.inf)
        mixed.append(torch.softmax(scores, dim=-1) @ v)
    return torch.cat(mixed, dim=-1) @ out.T


def rotate(x: Tensor, part: int, theta: float) -> Tensor:
    """Turn the pairs (x_j, x_{j + half}) of the first `part` entries of position t by t theta^(-2 j / part)."""
    half = part // 2
    angle = torch.arange(len(x))[:, None] * theta ** (-2 * torch.arange(half, dtype=torch.float64) / part)
    a, b, rest = x[:, :half], x[:, half:part], x[:, part:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin(), rest], dim=1)


def gated(x: Tensor, own: Weights, name: str) -> Tensor:
    gate, up = x @ own[f"{name}.gate_proj.weight"].T, x @ own[f"{name}.up_proj.weight"].T
    return (gate * torch.sigmoid(gate) * up) @ own[f"{name}.down_proj.weight"].T


def feed_forward(x: Tensor, own: Weights, config: dict[str, Any]) -> Tensor:
    if "mlp.gate.weight" not in own:
        return gated(x, own, "mlp")
    route = by_groups if "mlp.gate.expert_bias" in own else by_softmax
    out = []
    for token in x:
        share = route(token @ own["mlp.gate.weight"].T, own, config)
        out.append(sum((w * gated(token, own, f"mlp.experts.{e}") for e, w in share.items()), torch.zeros_like(token)))
    mixed = torch.stack(out)
    return mixed + gated(x, own, "mlp.shared_experts") if "mlp.gate.expert_bias" in own else mixed


def by_softmax(scores: Tensor, own: Weights, config: dict[str, Any]) -> dict[int, float]:
    """The k most probable experts, weighted by their probability; made to sum to 1 where the config says so."""
    p = torch.softmax(scores, dim=-1)
    chosen = sorted(range(len(p)), key=lambda e: -float(p[e]))[: config["num_experts_per_tok"]]
    total = sum(float(p[e]) for e in chosen) if config.get("norm_topk_prob") else 1.0
    return {e: float(p[e]) / total for e in chosen}


def by_groups(scores: Tensor, own: Weights, config: dict[str, Any]) -> dict[int, float]:
    """Of the groups with the best two biased sigmoids, the k best experts; weights unbiased, sum 1, then scaled."""
    p = torch.sigmoid(scores)
    biased = p + own["mlp.gate.expert_bias"]
    width = len(p) // config["n_group"]
    groups = [range(start, start + width) for start in range(0, len(p), width)]
    best = sorted(groups, key=lambda group: -sum(sorted((float(biased[e]) for e in group), reverse=True)[:2]))
    allowed = [e for group in best[: config["topk_group"]] for e in group]
    chosen = sorted(allowed, key=lambda e: -float(biased[e]))[: config["num_experts_per_tok"]]
    total = sum(float(p[e]) for e in chosen)
    return {e: config["routed_scaling_factor"] * float(p[e]) / total for e in chosen}
