"""Attention maps of chosen layers and queries of a model that runs SDPA, which returns none.

transformers lets an attention function be registered by name. This one calls SDPA unchanged and, where a probe is passed, also
computes softmax(q k^T / sqrt(d)) of the requested queries. The output is the same to the bit with a probe or without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "probed_sdpa"


class Probe:
    """Adds up the attention of chosen layers from the requested queries.

    Args:
        layers: indices of the layers.
        columns: for each row the columns of its requested queries.
    """

    def __init__(self, layers: Sequence[int], columns: Sequence[Tensor]) -> None:
        self._layers = frozenset(layers)
        self._columns = columns
        self._sums: list[Tensor] | None = None

    def note(self, layer: int, query: Tensor, key: Tensor, mask: Tensor | None, scaling: float) -> None:
        """Add the attention of one layer: queries [R, H, Q, D], keys [R, G, K, D], mask [R, 1, Q, K] (True: attends) or None.

        Row by row, so that a row's sums do not depend on the batch it is in.
        """
        if layer not in self._layers:
            return
        maps = [
            _mean_over_heads(query[row][:, columns], key[row], None if mask is None else mask[row][:, columns], scaling)
            for row, columns in enumerate(self._columns)
        ]
        self._sums = maps if self._sums is None else [a + b for a, b in zip(self._sums, maps, strict=True)]

    def mean(self) -> Tensor:
        """Return the mean over heads and layers from every requested query to every key, rows one after another, [N, K]."""
        if self._sums is None:
            raise ValueError("none of the chosen layers has run")
        return torch.cat(self._sums) / len(self._layers)


def _mean_over_heads(query: Tensor, key: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
    """Attention of n queries [H, n, D] to K keys [G, K, D] (H a multiple of G), in float32, mean over heads, [n, K]."""
    heads, count, size = query.shape
    groups, seen = key.shape[0], key.shape[1]
    scores = query.float().reshape(groups, -1, size) @ key.float().transpose(1, 2) * scaling
    scores = scores.reshape(heads, count, seen)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1).mean(0)


def _attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    probe: Probe | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """SDPA as transformers calls it, and the probe where one is passed.

    Rotary embeddings in float32 return queries and keys in float32; they are cast back to the dtype of the weights here.
    """
    dtype = module.o_proj.weight.dtype  # type: ignore[union-attr]  # of a module torch knows no layers
    query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)  # type: ignore[arg-type]  # as above
    if probe is not None:
        probe.note(int(module.layer_idx), query, key, attention_mask, options["scaling"])  # type: ignore[arg-type]  # as above
    out: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    return out


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
