"""SEDD's published network (arXiv 2310.16834) in plain PyTorch and float64, read from its own tensor names; and a random one.

DiT blocks: x + gate attention(norm(x) (1 + scale) + shift), then the same with a feed-forward layer; shifts, scales and gates
are linear in c = silu(mlp(waves of sigma)). No line is the package's.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from layout_checkpoints import tokenizer
from safetensors.torch import load_file, save_file
from torch import Tensor

WORDS, HIDDEN, CONDITION, HEADS, BLOCKS = 50257, 16, 12, 2, 2


def write(folder: Path, kind: str, seed: int = 0) -> Path:
    """Write a random checkpoint of GPT-2's vocabulary; `kind` is "absorb" or "uniform"."""
    tokens = WORDS + (kind == "absorb")
    shapes: dict[str, tuple[int, ...]] = {
        "vocab_embed.embedding": (tokens, HIDDEN),
        "sigma_map.mlp.0.weight": (CONDITION, 256), "sigma_map.mlp.0.bias": (CONDITION,),
        "sigma_map.mlp.2.weight": (CONDITION, CONDITION), "sigma_map.mlp.2.bias": (CONDITION,),
        "output_layer.norm_final.weight": (HIDDEN,), "output_layer.linear.weight": (tokens, HIDDEN),
        "output_layer.linear.bias": (tokens,), "output_layer.adaLN_modulation.weight": (2 * HIDDEN, CONDITION),
        "output_layer.adaLN_modulation.bias": (2 * HIDDEN,),
    }  # fmt: skip
    for at in range(BLOCKS):
        shapes |= {f"blocks.{at}.{name}": shape for name, shape in _block().items()}
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: torch.randn(shape, generator=generator) * 0.2 + ("norm" in name) for name, shape in shapes.items()}
    size = HIDDEN // HEADS
    tensors["rotary_emb.inv_freq"] = 1 / 10_000 ** (torch.arange(0, size, 2) / size)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    config: dict[str, Any] = {
        "tokens": WORDS, "graph": {"type": kind}, "noise": {"type": "loglinear" if kind == "absorb" else "geometric"},
        "model": {
            "name": "small", "type": "ddit", "hidden_size": HIDDEN, "cond_dim": CONDITION, "length": 1024, "n_blocks": BLOCKS,
            "n_heads": HEADS, "scale_by_sigma": kind == "absorb", "dropout": 0.1,
        },
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer({"<|endoftext|>": 50256}).save(str(folder / "tokenizer.json"))
    return folder


def _block() -> dict[str, tuple[int, ...]]:
    return {
        "norm1.weight": (HIDDEN,), "norm2.weight": (HIDDEN,), "attn_qkv.weight": (3 * HIDDEN, HIDDEN),
        "attn_out.weight": (HIDDEN, HIDDEN), "mlp.0.weight": (4 * HIDDEN, HIDDEN), "mlp.0.bias": (4 * HIDDEN,),
        "mlp.2.weight": (HIDDEN, 4 * HIDDEN), "mlp.2.bias": (HIDDEN,), "adaLN_modulation.weight": (6 * HIDDEN, CONDITION),
        "adaLN_modulation.bias": (6 * HIDDEN,),
    }  # fmt: skip


def log_score(folder: Path, ids: Tensor, sigma: float) -> Tensor:
    """Log-scores [T, V] of one row of ids [T] at a noise level."""
    absorbs = json.loads((folder / "config.json").read_text(encoding="utf-8"))["graph"]["type"] == "absorb"
    w = {name: tensor.double() for name, tensor in load_file(folder / "model.safetensors").items()}
    waves = [sigma * math.exp(-math.log(10_000) * at / 128) for at in range(128)]
    level = torch.tensor([math.cos(a) for a in waves] + [math.sin(a) for a in waves], dtype=torch.float64)
    inner = w["sigma_map.mlp.0.weight"] @ level + w["sigma_map.mlp.0.bias"]
    c = silu(w["sigma_map.mlp.2.weight"] @ silu(inner) + w["sigma_map.mlp.2.bias"])
    x = w["vocab_embed.embedding"][ids]
    for at in range(BLOCKS):
        own = {name.removeprefix(f"blocks.{at}."): tensor for name, tensor in w.items() if name.startswith(f"blocks.{at}.")}
        shift1, scale1, gate1, shift2, scale2, gate2 = (
            own["adaLN_modulation.weight"] @ c + own["adaLN_modulation.bias"]
        ).chunk(6)
        x = x + gate1 * attention(norm(x, own["norm1.weight"]) * (1 + scale1) + shift1, own)
        y = (norm(x, own["norm2.weight"]) * (1 + scale2) + shift2) @ own["mlp.0.weight"].T + own["mlp.0.bias"]
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        x = x + gate2 * (y @ own["mlp.2.weight"].T + own["mlp.2.bias"])
    shift, scale = (w["output_layer.adaLN_modulation.weight"] @ c + w["output_layer.adaLN_modulation.bias"]).chunk(2)
    x = norm(x, w["output_layer.norm_final.weight"]) * (1 + scale) + shift
    x = x @ w["output_layer.linear.weight"].T + w["output_layer.linear.bias"]
    if absorbs:
        x = x - math.log(math.exp(sigma) - 1) - math.log(x.shape[1] - 1)
    x[torch.arange(len(ids)), ids] = 0
    return x


def silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def norm(x: Tensor, weight: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5) * weight


def attention(x: Tensor, own: dict[str, Tensor]) -> Tensor:
    size = HIDDEN // HEADS
    queries, keys, values = (x @ own["attn_qkv.weight"].T).chunk(3, dim=1)
    mixed = []
    for head in range(HEADS):
        q, k, v = (part[:, head * size : (head + 1) * size] for part in (queries, keys, values))
        mixed.append(torch.softmax(rotate(q) @ rotate(k).T / size**0.5, dim=1) @ v)
    return torch.cat(mixed, dim=1) @ own["attn_out.weight"].T


def rotate(x: Tensor) -> Tensor:
    half = x.shape[1] // 2
    angle = torch.arange(len(x))[:, None] * 10_000 ** (-torch.arange(half, dtype=torch.float64) / half)
    a, b = x[:, :half], x[:, half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=1)
