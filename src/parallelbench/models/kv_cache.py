"""Keys and values that are kept from one forward to the next, in the form of transformers' DynamicCache.

Attention does not depend on the order of the keys, because each key already carries the rotation of its position. So a row's
past may be any set of its positions (a prefix, or a prefix and a suffix), in any order, without a special attention kernel.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from parallelbench.contracts.forward import padded_length

WORKSPACES = 4


class Kept(NamedTuple):
    """The past of one row: cached keys and values of each layer, [G, K, D], and the positions of these K tokens in the row."""

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


class JoinedLayer(DynamicLayer):  # type: ignore[misc]  # transformers is not typed here
    """Keys and values of one layer, [R, G, K + Q, D]: the past, then space for the Q columns of a forward."""

    def __init__(self, like: Tensor, rows: int, width: int, columns: int) -> None:
        super().__init__()
        self.width = width
        self.keys = like.new_zeros(rows, len(like), width + columns, like.shape[-1])
        self.values = torch.zeros_like(self.keys)
        self.dtype, self.device, self.is_initialized = like.dtype, like.device, True

    def place(self, row: int, keys: Tensor, values: Tensor) -> None:
        """Copy the past of one row into the joined tensors."""
        for joined, past in ((self.keys, keys), (self.values, values)):
            joined[row, :, : past.shape[1]] = past
            joined[row, :, past.shape[1] : self.width] = 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """Write the keys and values of a forward after the past, over those of the previous forward."""
        self.keys[:, :, self.width :] = key_states
        self.values[:, :, self.width :] = value_states
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self.width


class Workspace:
    """The joined pasts of all rows, with space for the keys of a forward. A past that is already in its row is not copied."""

    def __init__(self, pasts: Sequence[Kept], columns: int) -> None:
        width = padded_length(max(map(len, pasts)))
        self._layers = [JoinedLayer(keys, len(pasts), width, columns) for keys, _ in pasts[0].layers]
        self._rows: list[Kept | None] = [None] * len(pasts)
        self._positions = pasts[0].positions.new_zeros(len(pasts), width)
        self._valid = torch.zeros_like(self._positions, dtype=torch.bool)
        self.copied = 0

    def join(self, pasts: Sequence[Kept]) -> Past:
        """Return the pasts as one batch, in the order given."""
        for row, past in enumerate(pasts):
            if self._rows[row] is not past:
                self._place(row, past)
        cache = DynamicCache()
        cache.layers = list(self._layers)
        return Past(cache, self._positions, self._valid)

    def _place(self, row: int, past: Kept) -> None:
        for layer, (keys, values) in zip(self._layers, past.layers, strict=True):
            layer.place(row, keys, values)
        self._positions[row] = torch.nn.functional.pad(past.positions, (0, self._positions.shape[1] - len(past)))
        self._valid[row] = torch.arange(self._valid.shape[1], device=self._valid.device) < len(past)
        self._rows[row] = past
        self.copied += 1


class Workspaces:
    """The most recently used workspaces, by number of rows, width of the past and number of columns."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int, int], Workspace] = OrderedDict()

    def join(self, pasts: Sequence[Kept], columns: int) -> Past:
        """Join the pasts of the rows of one forward into a batch; the forward computes `columns` columns."""
        key = len(pasts), padded_length(max(map(len, pasts))), columns
        workspace = self._kept.pop(key, None) or Workspace(pasts, columns)
        self._kept[key] = workspace
        if len(self._kept) > WORKSPACES:
            self._kept.popitem(last=False)
        return workspace.join(pasts)

    def clear(self) -> None:
        """Free the memory of all workspaces."""
        self._kept.clear()


def cut(past: Past, keep: Sequence[Tensor], positions: Tensor, dtype: torch.dtype) -> list[Kept]:
    """Return the keys and values to keep of each row after a forward: its past, and those of the columns `keep`.

    `keep` names columns of the forward's input tokens; in the cache their keys follow those of the past. `positions` [R, L]
    are the positions of the input tokens in their rows.
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
