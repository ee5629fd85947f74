"""Which query attends to which key: one rule for whole rows, rows with cached keys, blocks and shadow masks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from parallelbench.contracts.forward import padded_length
from parallelbench.contracts.info import ModelInfo
from parallelbench.models.kv_cache import Past


class Inputs(NamedTuple):
    """The tokens that a forward computes, [R, Q]: their ids and positions, which are valid, and which are shadow masks."""

    ids: Tensor
    positions: Tensor
    valid: Tensor
    shadow: Tensor


def add_shadows(inputs: Inputs, rows: Tensor, columns: Tensor, mask_id: int) -> tuple[Inputs, Tensor]:
    """Append a shadow mask for each requested (row, column), at the same position; return also the column of each shadow mask.

    Every row gets as many columns as the row with the most shadow masks needs (`padded_length`).
    """
    total, width = inputs.ids.shape
    counts = torch.bincount(rows, minlength=total)
    extra = padded_length(int(counts.max()))
    first = torch.cumsum(counts, 0) - counts
    at = width + torch.arange(len(rows), device=rows.device) - first[rows]
    ids = torch.cat([inputs.ids, inputs.ids.new_full((total, extra), mask_id)], 1)
    positions = torch.cat([inputs.positions, inputs.positions.new_zeros(total, extra)], 1)
    positions[rows, at] = inputs.positions[rows, columns]
    valid = torch.cat([inputs.valid, inputs.valid.new_zeros(total, extra)], 1)
    valid[rows, at] = True
    shadow = torch.zeros_like(valid)
    shadow[:, width:] = True
    return Inputs(ids, positions, valid, shadow), at


def visible(inputs: Inputs, past: Past, info: ModelInfo, shared: bool = False) -> Tensor:
    """The attention mask of a forward, [R, 1, Q, K + Q], True where query q attends to key k.

    A query attends to all keys that are not padding; under block-causal attention not to keys of later blocks, under causal
    attention not to keys at later positions. The key of a shadow mask is attended to only by the shadow mask itself (with
    `shared` by all shadow masks of the row). A shadow mask does not attend to the token at its position. Every query attends
    to itself.
    """
    keys = torch.cat([past.positions, inputs.positions], 1)[:, None, :]
    queries = inputs.positions[:, :, None]
    valid = torch.cat([past.valid, inputs.valid & ~inputs.shadow], 1)[:, None, :]
    seen = valid & ~(inputs.shadow[:, :, None] & (keys == queries))
    if shared:
        shadows = torch.cat([torch.zeros_like(past.valid), inputs.valid & inputs.shadow], 1)[:, None, :]
        seen = seen | (inputs.shadow[:, :, None] & shadows)
    if info.attention == "block_causal":
        block = info.block or 1
        seen = seen & (keys // block <= queries // block)
    elif info.attention == "causal":
        seen = seen & (keys <= queries)
    else:
        seen = seen.expand(-1, inputs.ids.shape[1], -1)
    same = torch.eye(inputs.ids.shape[1], dtype=torch.bool, device=keys.device)
    itself = torch.cat([same.new_zeros(len(same), past.positions.shape[1]), same], 1)
    return (seen | itself)[:, None]
