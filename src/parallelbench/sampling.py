"""Drawing tokens from distributions over the vocabulary: the one place where a uniform number becomes a token."""

from __future__ import annotations

import torch
from torch import Tensor


def tempered(scores: Tensor, temperature: float, top_p: float = 1.0) -> Tensor:
    """Return softmax(scores / temperature) cut to its nucleus, in float64, [N, V].

    `scores` [N, V] are logits or log probabilities; the nucleus is the smallest set of most probable tokens that holds
    `top_p` of the probability. What lies outside it has probability 0; the rest is not normalised again.
    """
    wide = scores.double()
    p = torch.softmax((wide - wide.max(dim=-1, keepdim=True).values) / temperature, dim=-1)  # never inf / T
    if top_p >= 1:
        return p
    ordered, ids = p.sort(dim=-1, descending=True, stable=True)
    outside = ordered.cumsum(-1) - ordered >= top_p
    return p.masked_fill(outside.scatter(1, ids, outside), 0.0)


def draw(p: Tensor, uniform: Tensor) -> Tensor:
    """Draw a token for each row of `p` [N, V] (not negative, any sum) by inverting its distribution function at `uniform` [N].

    A token of probability 0 is never drawn, even where `uniform` times the sum rounds to the sum itself.
    """
    distribution = p.double().cumsum(-1)
    total = distribution[:, -1]
    below = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(distribution, below[:, None], right=True).squeeze(1)
