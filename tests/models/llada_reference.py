"""LLaDA's published architecture (arXiv 2502.09992) in plain PyTorch, read from its own tensor names.

Llama blocks without a causal mask: RMSNorm, rotary positions on halves, grouped heads, SwiGLU. No line is the package's.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

PREFIX = "model.transformer"


def logits(folder: Path, ids: Tensor) -> Tensor:
    """Logits [T, V] in float64 of one row of token ids [T], without any padding."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shards = sorted(folder.glob("*.safetensors"))
    weights = {name: weight.double() for shard in shards for name, weight in load_file(shard).items()}
    x = weights[f"{PREFIX}.wte.weight"][ids]
    for layer in range(config["n_layers"]):
        block = {name.split(f".blocks.{layer}.")[1]: w for name, w in weights.items() if f".blocks.{layer}." in name}
        x = x + attention(norm(x, block["attn_norm.weight"], config), block, config)
        y = norm(x, block["ff_norm.weight"], config)
        gate, up = y @ block["ff_proj.weight"].T, y @ block["up_proj.weight"].T
        x = x + (gate * torch.sigmoid(gate) * up) @ block["ff_out.weight"].T
    head = weights[f"{PREFIX}.wte.weight" if config["weight_tying"] else f"{PREFIX}.ff_out.weight"]
    return norm(x, weights[f"{PREFIX}.ln_f.weight"], config) @ head.T


def norm(x: Tensor, weight: Tensor, config: dict[str, float]) -> Tensor:
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + config["rms_norm_eps"]) * weight


def attention(x: Tensor, block: dict[str, Tensor], config: dict[str, int]) -> Tensor:
    size, groups = config["d_model"] // config["n_heads"], config["n_heads"] // config["n_kv_heads"]
    out = []
    for head in range(config["n_heads"]):
        own, shared = slice(head * size, (head + 1) * size), slice(head // groups * size, (head // groups + 1) * size)
        q = rotate(x @ block["q_proj.weight"][own].T, config["rope_theta"])
        k = rotate(x @ block["k_proj.weight"][shared].T, config["rope_theta"])
        v = x @ block["v_proj.weight"][shared].T
        out.append(torch.softmax(q @ k.T / size**0.5, dim=-1) @ v)
    return torch.cat(out, dim=-1) @ block["attn_out.weight"].T


def rotate(x: Tensor, theta: float) -> Tensor:
    """Turn the pair (x_j, x_{j + half}) of position t by the angle t theta^(-j / half)."""
    half = x.shape[1] // 2
    angle = torch.arange(len(x))[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    a, b = x[:, :half], x[:, half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=1)
