"""Initial weights with attention heads that find the last name of a first name, and the names that the answer already contains.

A Llama with random weights learns very slowly to look up the token after X in the prompt. This takes two attention layers (an
induction circuit, Olsson et al., arXiv 2209.11895): the first writes the neighbouring token into each position, the second
searches for it, and neither is of use before the other is learned. To find out whether a name is already used is harder still:
one layer must distinguish prompt from answer before the next can look for the name in one of them. Here both circuits are in
the initial weights. The architecture is unchanged; only values of weights differ from a random initialisation:

* layer 0: one head attends to the token on the left, one to the token on the right, and each writes a random projection of it;
  a third head attends, from positions of the answer only, to the token that opens the answer, which marks these positions;
* layer 1: two heads attend to positions with the same left (or right) neighbour, and copy the token there; a third attends to
  other positions of the same token, preferably in the answer, and writes a flag if one of them is in the answer;
* the output head is the embedding (tied), so that a copied token gets a high logit.

All of these weights are trained. Layers that are added later write zero into the residual stream at first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

CONSTANT = 0  # embedding channel with one initial value for all tokens, for queries that do not depend on the token
CONSTANT_VALUE = 3.0  # in units of the other channels
SCALE = 0.2  # of the embedding, and of the outputs of the heads of layer 0
FAST_PAIRS = 4  # number of RoPE pairs of high frequency, which distinguish neighbouring positions
SLOW_PAIR = 7  # from this RoPE pair on rotation is slow enough to compare contents over the length of a prompt
SHARPNESS = 8.0  # attention logit of the neighbour minus that of the position next to it
MATCH = 1.5  # gain of queries and keys that compare neighbours
COPY = 0.5  # gain of the copied token
OUTPUT = 0.4  # weight of the final RMSNorm, so that a clearly copied token has a logit of about 10
NEAR, FAR = 176, 500  # reach in tokens of the two steps
STEPS = {  # RoPE pairs and weights whose sines add up to a step between prompt and answer, up to so many tokens away from it
    NEAR: {3: 0.1, 4: 0.2, 5: 0.33, 7: 1.0},
    FAR: {3: 0.1, 4: 0.1, 5: 0.15, 7: 0.5, 9: 1.0},
}
STEP_SHARPNESS = 40.0  # attention logit of that step at its maximum
REGION_CHANNEL = 6.5  # size of the mark of the answer in layer 1, after RMSNorm
SAME_PAIR = 9  # from this RoPE pair on rotation is negligible over the length of a row
SAME = 14.0  # attention logit between two positions of the same token
IN_ANSWER = 6.0  # attention logit added to keys in the answer
FLAG = 0.35  # norm of the flag that is written


def initialise(model: LlamaForCausalLM, seed: int, opening: int, reach: int = NEAR) -> None:
    """Set all weights of a fresh, tied model, in place, from `seed`.

    `opening` is the token after which the answer begins; `reach` is the number of tokens over which
    the heads distinguish answer from prompt.
    """
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(_embedding(model.model.embed_tokens.weight.shape, generator))
        for layer in model.model.layers:
            _plain(layer, generator)
        model.model.norm.weight.fill_(OUTPUT)
        first, second = model.model.layers[0].self_attn, model.model.layers[1].self_attn
        for head, offset in enumerate((1, -1)):
            _attend_to_neighbour(first, head, offset, config, generator)
            _match_and_copy(second, first, head, config)
        step = STEPS[NEAR if reach <= NEAR else FAR]
        region = _mark_answer(first, 2, model.model.embed_tokens.weight[opening], step, config, generator)
        _flag_repeated(second, first, 2, region, config, generator)


def add_layers(model: LlamaForCausalLM, count: int, seed: int) -> list[nn.Module]:
    """Put layers on top until there are `count`, and return them; their output is 0, so the model's output is unchanged."""
    config, added = model.config, []
    while len(model.model.layers) < count:
        number = len(model.model.layers)
        layer = LlamaDecoderLayer(config, number).to(model.device)
        with torch.no_grad():
            _plain(layer, torch.Generator().manual_seed(seed + number))
        model.model.layers.append(layer)
        config.num_hidden_layers = number + 1
        added.append(layer)
    return added


def _plain(layer: nn.Module, generator: torch.Generator) -> None:
    """Orthogonal matrices; those that write into the residual stream are zero."""
    for name, weight in layer.named_parameters():
        if "o_proj" in name or "down_proj" in name:
            weight.zero_()
        elif weight.ndim == 2:
            weight.copy_(_orthogonal(weight.shape, generator) * math.sqrt(weight.shape[0] / weight.shape[1]))


def _embedding(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Random directions of equal length (every query would attend more to a longer one), and the constant channel."""
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


def _constant(config: LlamaConfig) -> float:
    """The constant channel in layer 0, after RMSNorm."""
    return CONSTANT_VALUE / math.sqrt((config.hidden_size - 1 + CONSTANT_VALUE**2) / config.hidden_size)


def _direction(taken: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` random orthonormal rows orthogonal to the columns of `taken` [d, n]."""
    columns = torch.cat([taken / taken.norm(dim=0), torch.randn(len(taken), count, generator=generator)], dim=1)
    q: Tensor = torch.linalg.qr(columns).Q
    return q[:, taken.shape[1] :].T


def _unit(channel: int, config: LlamaConfig) -> Tensor:
    return nn.functional.one_hot(torch.tensor(channel), config.hidden_size).float()


def _attend_to_neighbour(attention: nn.Module, head: int, offset: int, config: LlamaConfig, generator: torch.Generator) -> None:
    """Make one head attend to the token `offset` places to the left and write a random projection of it."""
    rows, size = _rows(head, config)
    half = size // 2
    frequency = config.rope_parameters["rope_theta"] ** (-torch.arange(half, dtype=torch.float32) / half)
    used = (torch.arange(half) < FAST_PAIRS).float()
    channel = _constant(config)
    contrast = float((used * (1 - torch.cos(frequency))).sum())
    scale = math.sqrt(SHARPNESS * math.sqrt(size) / contrast) / channel
    q, k, v, o = (getattr(attention, f"{name}_proj").weight for name in "qkvo")
    q[rows], k[rows] = 0.0, 0.0
    q[rows, CONSTANT] = scale * torch.cat([used, torch.zeros(half)])
    # RoPE rotates the query at t by t*f and the key at s by s*f; a key rotated by offset*f more matches at s + offset = t.
    k[rows, CONSTANT] = scale * torch.cat([used * torch.cos(offset * frequency), used * torch.sin(offset * frequency)])
    v[rows] = _orthogonal(torch.Size((size, config.hidden_size)), generator) * math.sqrt(config.hidden_size / size)
    o[:, rows] = _orthogonal(torch.Size((config.hidden_size, size)), generator) * SCALE


def _match_and_copy(attention: nn.Module, layer_0: nn.Module, head: int, config: LlamaConfig) -> None:
    """Make one head attend to the positions that have the same neighbour, and copy the token there."""
    rows, size = _rows(head, config)
    half = size // 2
    q, k, v, o = (getattr(attention, f"{name}_proj").weight for name in "qkvo")
    slow = torch.cat([torch.arange(SLOW_PAIR, half), half + torch.arange(SLOW_PAIR, half)]) + rows.start
    projection = layer_0.o_proj.weight[:, rows].T / SCALE  # type: ignore[union-attr,index]  # of a module torch knows no layers
    q[rows], k[rows] = 0.0, 0.0
    q[slow] = MATCH * projection[: len(slow)]
    k[slow] = MATCH * projection[: len(slow)]
    o[:, rows] = COPY * SCALE * v[rows].T


def _mark_answer(
    attention: nn.Module, head: int, opening: Tensor, step: Mapping[int, float], config: LlamaConfig,
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """Make one head attend to the opening token from all positions after it, and write a direction there; return it.

    Under RoPE a query (1, 0) that is d positions after a key (0, 1) has the logit sin(f d), which is negative before the key.
    """
    rows, size = _rows(head, config)
    half = size // 2
    q, k, v, o = (getattr(attention, f"{name}_proj").weight for name in "qkvo")
    token = opening - opening[CONSTANT] * _unit(CONSTANT, config)
    token = token / token.norm()
    q[rows], k[rows], v[rows] = 0.0, 0.0, 0.0
    for pair, weight in step.items():
        gain = math.sqrt(STEP_SHARPNESS * weight * math.sqrt(size) / (_constant(config) * math.sqrt(config.hidden_size)))
        q[rows.start + pair, CONSTANT] = gain
        k[rows.start + half + pair] = gain * token
    taken = torch.cat([o[:, : rows.start], torch.stack([token, _unit(CONSTANT, config)], dim=1)], dim=1)
    direction = _direction(taken, 1, generator)[0]
    v[rows.start] = token
    o[:, rows.start] = SCALE * direction
    return direction


def _flag_repeated(
    attention: nn.Module, layer_0: nn.Module, head: int, region: Tensor, config: LlamaConfig,
    generator: torch.Generator,
) -> None:  # fmt: skip
    """Make one head attend to the same token, preferably in the answer, and write a flag if one is in the answer."""
    rows, size = _rows(head, config)
    half = size // 2
    q, k, v, o = (getattr(attention, f"{name}_proj").weight for name in "qkvo")
    written = layer_0.o_proj.weight[:, : 2 * size]  # type: ignore[union-attr,index]  # of a module torch knows no layers
    pairs = torch.arange(SAME_PAIR, half - 1)
    slots = torch.cat([pairs, half + pairs]) + rows.start
    basis = _direction(
        torch.cat([written, torch.stack([region, _unit(CONSTANT, config)], dim=1)], dim=1), len(slots) + 1, generator
    )
    q[rows], k[rows], v[rows] = 0.0, 0.0, 0.0
    # After RMSNorm the squared norm is d; a third of it is the token's embedding, spread evenly over d directions.
    squared_norm = len(slots) / 3
    q[slots] = k[slots] = math.sqrt(SAME * math.sqrt(size) / squared_norm) * basis[:-1]
    gain = math.sqrt(IN_ANSWER * math.sqrt(size) / (CONSTANT_VALUE / math.sqrt(3) * REGION_CHANNEL))
    q[rows.start + half - 1, CONSTANT] = gain
    k[rows.start + half - 1] = gain * region
    v[rows.start] = region
    o[:, rows.start] = FLAG * basis[-1]
