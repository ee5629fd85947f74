"""SEDD's transformer (Lou, Meng, Ermon, arXiv 2310.16834): DiT blocks that a noise level modulates, rotary positions.

Its output at (i, y) is the logarithm of the ratio p_sigma(x with y at i) / p_sigma(x), the concrete score; 0 for y = x_i.
Attributes carry the published names of the tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FREQUENCIES = 256


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; `tokens` counts the mask where there is one, `scaled` subtracts log(e^sigma - 1) + log(V - 1)."""

    tokens: int
    hidden: int
    condition: int
    blocks: int
    heads: int
    scaled: bool


class Network(nn.Module):
    """Token ids [R, L] at noise sigma [R] to hidden states, and these to log-scores."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.vocab_embed = Embedding(shape.tokens, shape.hidden)
        self.sigma_map = NoiseLevel(shape.condition)
        self.rotary_emb = Rotary(shape.hidden // shape.heads)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.blocks)])
        self.output_layer = Output(shape)

    def hidden(self, ids: Tensor, sigma: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states [R, L, d] and the condition [R, c]; `valid` [R, L] are the tokens that are seen."""
        condition = F.silu(self.sigma_map(sigma))
        turn = self.rotary_emb(ids.shape[1])
        x = self.vocab_embed.embedding[ids]
        for block in self.blocks:
            x = block(x, condition, turn, valid[:, None, None, :])
        return x, condition

    def log_score(self, hidden: Tensor, condition: Tensor, sigma: Tensor, tokens: Tensor) -> Tensor:
        """Log-scores [N, V] of N positions: their hidden states [N, d], conditions [N, c], noise [N] and tokens [N]."""
        x: Tensor = self.output_layer(hidden, condition).float()
        if self.shape.scaled:
            x = x - torch.expm1(sigma).log()[:, None] - math.log(self.shape.tokens - 1)
        return x.scatter(1, tokens[:, None], 0.0)


class Embedding(nn.Module):
    """A table of vectors."""

    def __init__(self, tokens: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(tokens, hidden))


class NoiseLevel(nn.Module):
    """cos and sin of sigma at 128 frequencies from 1 to 1 / 10,000, through two layers."""

    def __init__(self, condition: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, condition), nn.SiLU(), nn.Linear(condition, condition))

    def forward(self, sigma: Tensor) -> Tensor:
        half = FREQUENCIES // 2
        frequency = torch.exp(-math.log(10_000) * torch.arange(half, device=sigma.device) / half)
        angle = sigma.float()[:, None] * frequency
        waves = torch.cat([angle.cos(), angle.sin()], dim=-1)
        out: Tensor = self.mlp(waves.to(next(self.mlp.parameters()).dtype))
        return out


class Rotary(nn.Module):
    """cos and sin [L, size] of each position; the frequencies are stored in the checkpoint."""

    inv_freq: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", 10_000.0 ** (-torch.arange(0, size, 2) / size))

    def forward(self, length: int) -> tuple[Tensor, Tensor]:
        angle = torch.arange(length, device=self.inv_freq.device)[:, None] * self.inv_freq.float()
        twice = torch.cat([angle, angle], dim=-1)
        return twice.cos(), twice.sin()


class Norm(nn.Module):
    """Layer normalisation in float32 with a weight and no bias."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.float(), x.shape[-1:]).to(self.weight.dtype) * self.weight


class Block(nn.Module):
    """Attention and a feed-forward layer, each shifted, scaled and gated by the noise level."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        hidden = shape.hidden
        self.heads = shape.heads
        self.norm1, self.norm2 = Norm(hidden), Norm(hidden)
        self.attn_qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.attn_out = nn.Linear(hidden, hidden, bias=False)
        self.mlp = nn.Sequential(nn.Linear(hidden, 4 * hidden), nn.GELU(approximate="tanh"), nn.Linear(4 * hidden, hidden))
        self.adaLN_modulation = nn.Linear(shape.condition, 6 * hidden)

    def forward(self, x: Tensor, condition: Tensor, turn: tuple[Tensor, Tensor], seen: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(condition)[:, None].chunk(6, dim=-1)
        x = x + gate1 * self._attention(self.norm1(x) * (1 + scale1) + shift1, turn, seen)
        out: Tensor = x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)
        return out

    def _attention(self, x: Tensor, turn: tuple[Tensor, Tensor], seen: Tensor) -> Tensor:
        q, k, v = self.attn_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotate(q, turn), rotate(k, turn), v, attn_mask=seen)
        out: Tensor = self.attn_out(mixed.transpose(1, 2).flatten(2))
        return out


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the pairs (x_j, x_{j + half}) of [..., L, size], in float32."""
    cos, sin = turn
    a, b = x.float().chunk(2, dim=-1)
    return (x * cos + torch.cat([-b, a], dim=-1) * sin).to(x.dtype)


class Output(nn.Module):
    """The last normalisation, modulated, and the output matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm_final = Norm(shape.hidden)
        self.linear = nn.Linear(shape.hidden, shape.tokens)
        self.adaLN_modulation = nn.Linear(shape.condition, 2 * shape.hidden)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(condition).chunk(2, dim=-1)
        out: Tensor = self.linear(self.norm_final(x) * (1 + scale) + shift)
        return out
