"""Which query sees which key: one rule for whole rows, cached rows, blocks and shadows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from parallelbench.contracts.info import ModelInfo
from parallelbench.models.kv_cache import Past


class Fed(NamedTuple):
    """Tokens of a forward, [R, Q]: their ids and places in their rows, which of them are valid, which are shadows."""

    ids: Tensor
    positions: Tensor
    valid: Tensor
    shadow: Tensor


def add_shadows(fed: Fed, rows: Tensor, columns: Tensor, mask_id: int, multiple: int) -> tuple[Fed, Tensor]:
    """Append a mask for each asked (row, column), at the same place; return also the column of each asked one's shadow.

    Every row gets as many columns as the row with the most shadows needs, up to a multiple.
    """
    total, width = fed.ids.shape
    counts = torch.bincount(rows, minlength=total)
    extra = -(-int(counts.max()) // multiple) * multiple
    first = torch.cumsum(counts, 0) - counts
    at = width + torch.arange(len(rows), device=rows.device) - first[rows]
    ids = torch.cat([fed.ids, fed.ids.new_full((total, extra), mask_id)], 1)
    positions = torch.cat([fed.positions, fed.positions.new_zeros(total, extra)], 1)
    positions[rows, at] = fed.positions[rows, columns]
    valid = torch.cat([fed.valid, fed.valid.new_zeros(total, extra)], 1)
    valid[rows, at] = True
    shadow = torch.zeros_like(valid)
    shadow[:, width:] = True
    return Fed(ids, positions, valid, shadow), at


def visible(fed: Fed, past: Past, info: ModelInfo, shared: bool = False) -> Tensor:
    """The mask of a forward, [R, 1, Q, K + Q], True where query q sees key k.

    Valid keys are seen, of a later block or a later place none where attention is block-causal or causal. A shadow is seen by
    itself alone, or by all shadows where they are `shared`, and does not see the token that it stands in for. Everything sees
    itself.
    """
    keys = torch.cat([past.positions, fed.positions], 1)[:, None, :]
    queries = fed.positions[:, :, None]
    valid = torch.cat([past.valid, fed.valid & ~fed.shadow], 1)[:, None, :]
    seen = valid & ~(fed.shadow[:, :, None] & (keys == queries))
    if shared:
        shadows = torch.cat([torch.zeros_like(past.valid), fed.valid & fed.shadow], 1)[:, None, :]
        seen = seen | (fed.shadow[:, :, None] & shadows)
    if info.attention == "block_causal":
        block = info.block or 1
        seen = seen & (keys // block <= queries // block)
    elif info.attention == "causal":
        seen = seen & (keys <= queries)
    else:
        seen = seen.expand(-1, fed.ids.shape[1], -1)
    own = torch.eye(fed.ids.shape[1], dtype=torch.bool, device=keys.device)
    itself = torch.cat([own.new_zeros(len(own), past.positions.shape[1]), own], 1)
    return (seen | itself)[:, None]
