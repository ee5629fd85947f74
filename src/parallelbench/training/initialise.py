"""Initial weights that can pair a first name with its last name.

A plain Llama takes very long to discover that "the token after X in the prompt" is a useful question: two attention layers
must agree on "the token beside me" before either is of use (Olsson et al., arXiv 2209.11895, call the pair an induction
circuit). Here the circuit is there from the start, and only numbers differ from a plain initialisation:

* layer 0: one head attends to the token on the left, one to the token on the right, each carrying a random projection;
* layer 1: two heads match what a position carries from its left (or right) neighbour with what the others carry, and copy
  the token they find;
* the output head is the embedding (tied), so that a copied token is read out as itself.

Training is free to move every one of these numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

CONSTANT = 0  # a channel of the embedding that starts equal for every token, so that a head can ask "no matter what"
CONSTANT_VALUE = 3.0  # in units of the other channels
SCALE = 0.2  # of the embedding, and of what the first heads write
FAST_PAIRS = 4  # RoPE's fast pairs tell neighbours apart
SLOW_PAIR = 7  # from here on RoPE turns so slowly that contents can be compared over the length of a prompt
SHARPNESS = 8.0  # logit between the neighbour and the token beside it
MATCH = 1.5  # gain of queries and keys that compare neighbours
COPY = 0.5  # gain of the copied token
OUTPUT = 0.4  # final norm, so that a clear copy has a logit of about ten


def initialise(model: LlamaForCausalLM, seed: int) -> None:
    """Set all weights of a fresh, tied model, in place, from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                continue
            if "embed_tokens" in name:
                weight.copy_(_embedding(weight.shape, generator))
            elif "o_proj" in name or "down_proj" in name:
                weight.zero_()
            else:
                weight.copy_(_orthogonal(weight.shape, generator) * math.sqrt(weight.shape[0] / weight.shape[1]))
        model.model.norm.weight.fill_(OUTPUT)
        first, second = model.model.layers[0].self_attn, model.model.layers[1].self_attn
        for head, offset in enumerate((1, -1)):
            _look_beside(first, head, offset, config, generator)
            _match_and_copy(second, first, head, config)


def _embedding(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Random directions of equal length (a longer one would draw every key's attention), and the constant channel."""
    weight = torch.randn(shape, generator=generator)
    weight[:, CONSTANT] = 0.0
    weight *= math.sqrt(shape[1] - 1) / weight.norm(dim=1, keepdim=True)
    weight[:, CONSTANT] = CONSTANT_VALUE
    return SCALE * weight


def _orthogonal(shape: torch.Size, generator: torch.Generator) -> Tensor:
    rows, columns = shape
    q: Tensor = torch.linalg.qr(torch.randn(max(rows, columns), min(rows, columns), generator=generator)).Q
    return q if rows >= columns else q.T


def _rows(head: int, config: LlamaConfig) -> tuple[slice, int]:
    size = config.hidden_size // config.num_attention_heads
    return slice(head * size, (head + 1) * size), size


def _look_beside(attention: torch.nn.Module, head: int, offset: int, config: LlamaConfig, generator: torch.Generator) -> None:
    """Make one head attend to the token `offset` places to the left and carry a random projection of it."""
    rows, size = _rows(head, config)
    half = size // 2
    frequency = config.rope_parameters["rope_theta"] ** (-torch.arange(half, dtype=torch.float32) / half)
    used = (torch.arange(half) < FAST_PAIRS).float()
    channel = CONSTANT_VALUE / math.sqrt((config.hidden_size - 1 + CONSTANT_VALUE**2) / config.hidden_size)  # after RMSNorm
    contrast = float((used * (1 - torch.cos(frequency))).sum())
    scale = math.sqrt(SHARPNESS * math.sqrt(size) / contrast) / channel
    q, k, v, o = (getattr(attention, f"{name}_proj").weight for name in "qkvo")
    q[rows], k[rows] = 0.0, 0.0
    q[rows, CONSTANT] = scale * torch.cat([used, torch.zeros(half)])
    # RoPE turns the query at t by t*f and the key at s by s*f; a key turned by offset*f more matches where s + offset = t.
    k[rows, CONSTANT] = scale * torch.cat([used * torch.cos(offset * frequency), used * torch.sin(offset * frequency)])
    v[rows] = _orthogonal(torch.Size((size, config.hidden_size)), generator) * math.sqrt(config.hidden_size / size)
    o[:, rows] = _orthogonal(torch.Size((config.hidden_size, size)), generator) * SCALE


def _match_and_copy(attention: torch.nn.Module, beside: torch.nn.Module, head: int, config: LlamaConfig) -> None:
    """Make one head attend to the positions that have the same neighbour, and copy the token there."""
    rows, size = _rows(head, config)
    half = size // 2
    q, k, v, o = (getattr(attention, f"{name}_proj").weight for name in "qkvo")
    slow = torch.cat([torch.arange(SLOW_PAIR, half), half + torch.arange(SLOW_PAIR, half)]) + rows.start
    carried = beside.o_proj.weight[:, rows].T / SCALE  # type: ignore[union-attr,index]
    q[rows], k[rows] = 0.0, 0.0
    q[slow] = MATCH * carried[: len(slow)]
    k[slow] = MATCH * carried[: len(slow)]
    o[:, rows] = COPY * SCALE * v[rows].T
