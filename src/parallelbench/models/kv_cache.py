"""Keys and values that outlive a forward, on transformers' stock DynamicCache.

Attention does not care in which order keys stand, because the rotation of their positions is already applied to them. So a
row's past may be any set of its positions (a prefix, or a prefix and a suffix), and no kernel has to scatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache

WIDTH_MULTIPLE = 16


class Kept(NamedTuple):
    """One row's past: keys and values of each layer, [G, K, D], and the places of these K tokens in the row."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    positions: Tensor

    def __len__(self) -> int:
        return len(self.positions)


class Past(NamedTuple):
    """The pasts of all rows, padded to a common width K: the cache, and each key's position and validity, [R, K]."""

    cache: DynamicCache
    positions: Tensor
    valid: Tensor


def empty(rows: int, device: torch.device) -> Past:
    """The past of rows that have none."""
    nothing = torch.zeros(rows, 0, dtype=torch.long, device=device)
    return Past(DynamicCache(), nothing, nothing.bool())


def join(pasts: Sequence[Kept]) -> Past:
    """Lay the pasts of the rows of one forward side by side."""
    width = -(-max(map(len, pasts)) // WIDTH_MULTIPLE) * WIDTH_MULTIPLE
    missing = [width - len(past) for past in pasts]
    cache = DynamicCache()
    for layer in range(len(pasts[0].layers)):
        keys, values = (
            torch.stack([pad(past.layers[layer][part], (0, 0, 0, rest)) for past, rest in zip(pasts, missing, strict=True)])
            for part in (0, 1)
        )
        cache.update(keys, values, layer)
    positions = torch.stack([pad(past.positions, (0, rest)) for past, rest in zip(pasts, missing, strict=True)])
    lengths = torch.tensor([len(past) for past in pasts], device=positions.device)
    return Past(cache, positions, torch.arange(width, device=positions.device) < lengths[:, None])


def cut(past: Past, keep: Sequence[Tensor], positions: Tensor, dtype: torch.dtype) -> list[Kept]:
    """Take what each row keeps, its past included, from a cache that a forward has filled.

    `keep` names columns of the fed tokens, whose keys stand behind the past's; `positions` [R, L] are their places.
    """
    width = past.positions.shape[1]
    kept = []
    for row, columns in enumerate(keep):
        before = past.valid[row].nonzero()[:, 0]
        chosen = torch.cat([before, width + columns])
        layers = tuple(
            (layer.keys[row][:, chosen].to(dtype), layer.values[row][:, chosen].to(dtype)) for layer in past.cache.layers
        )
        kept.append(Kept(layers, torch.cat([past.positions[row][before], positions[row][columns]])))
    return kept
