"""Arithmetic over the vocabulary for decoders that request raw logits: distributions of the tokens that may be written.

A decoder keeps the tensors in local variables of its run, on the model's device, and takes home small vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.signals import Floats
from parallelbench.decoding.state import DecoderFault

if TYPE_CHECKING:
    from torch import Tensor


def log_probs(logits: Tensor | None, info: ModelInfo) -> Tensor:
    """Return log p over the ids that may be written, [N, vocab_size]; the mask has none (-inf). float32, or float64 if given.

    Raises:
        DecoderFault: the request did not include the logits.
    """
    import torch

    from parallelbench.decoding.distributions import writable

    if logits is None:
        raise DecoderFault('this request did not include the logits; add extras=frozenset({"logits"})')
    return torch.log_softmax(writable(logits, info), dim=-1)


def divergence(log_p: Tensor, log_q: Tensor) -> Floats:
    """Return KL(p || q) = sum p (log p - log q) of each row, in nats, [N]; what p does not expect adds nothing."""
    import torch

    terms = torch.where(log_p > -torch.inf, log_p.exp() * (log_p - log_q), 0.0)
    kl: Floats = terms.sum(-1).float().cpu().numpy()
    return kl
