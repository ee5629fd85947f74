"""Distributions over the tokens that may be written: the arithmetic over the vocabulary behind the signals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import ModelInfo


def writable(logits: Tensor, info: ModelInfo) -> Tensor:
    """Return logits [N, vocab_size] in which the mask has -inf, since it is never written; float32, or float64 as given."""
    scores = logits if logits.dtype == torch.float64 else logits.float()
    scores = scores[:, : info.vocab_size].clone()
    scores[:, info.mask_id] = -torch.inf
    return scores


def probabilities(scores: Tensor, info: ModelInfo) -> Tensor:
    """The softmax of each row of `writable` logits, in their precision; in float32 for the exact model."""
    p = torch.softmax(scores, dim=-1)
    return p.float() if "law" in info.requires else p


def most_probable(p: Tensor, top: int) -> tuple[Ints, npt.NDArray[np.floating[Any]]]:
    """The `top` most probable tokens of each row [N, V] and their probabilities; ties go to the lowest ids, in order."""
    values, ids = p.topk(top, dim=-1)
    ids, order = ids.sort(dim=-1)
    values, order = values.gather(1, order).sort(dim=-1, descending=True, stable=True)
    ids = ids.gather(1, order)
    last = values[:, -1:]
    split = ((p == last).sum(1) > (values == last).sum(1)) & (last[:, 0] > 0)  # topk cut off tokens as probable as the last
    if split.any():
        ids[split] = p[split].sort(dim=-1, descending=True, stable=True).indices[:, :top]
    return ids.cpu().numpy(), values.cpu().numpy()


def entropy(scores: Tensor) -> Tensor:
    """- sum p ln p of each row, in nats; tokens of probability 0 add 0."""
    log_p = torch.log_softmax(scores, dim=-1)
    return -torch.where(log_p > -torch.inf, log_p.exp() * log_p, 0.0).sum(-1)
