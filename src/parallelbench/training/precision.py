"""Products of matrices in bfloat16 where a recipe asks for it, weights, attention and losses in float32.

Autocast alone takes attention to bfloat16 too, whose backward pass takes three times as long on a CPU as in float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from parallelbench.training.stages import Precision

FLOAT32_ATTENTION = "sdpa_float32"


def mixed(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """Return the context in which a loss is computed on this device."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def _attention(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **kwargs: Any) -> Any:
    with torch.autocast(query.device.type, enabled=False):
        return sdpa_attention_forward(module, query.float(), key.float(), value.float(), mask, **kwargs)


AttentionInterface.register(FLOAT32_ATTENTION, _attention)
AttentionMaskInterface.register(FLOAT32_ATTENTION, sdpa_mask)
