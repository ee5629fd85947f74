"""What a decoder may do with end tokens: `allow`, `ban`, `last` or `low`, an axis that combines with every decoder.

Models that were trained with padding made of end tokens predict them early and with confidence, and whether they may be written
decides how long and how good answers are. LLaDA's own evaluation bans them for one task and lowers their confidence for
others (`logits_eos_inf` and `confidence_eos_eot_inf` in its EVAL.md).

* allow: end tokens are tokens like any other.
* ban: they are never candidates, so the text fills the canvas.
* last: they are candidates in the last block only.
* low: they are candidates, with confidence and margin 0 and the largest entropy, so other positions are committed first.

Only the signals of a forward change. A decoder that fills masks with end tokens by its own rule is not kept from that.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from parallelbench.decoding.signals import Signals

if TYPE_CHECKING:
    from torch import Tensor

EndTokens = Literal["allow", "ban", "last", "low"]


def without_end_tokens(logits: Tensor, banned: npt.NDArray[np.bool_], end_ids: Collection[int]) -> Tensor:
    """Return logits [N, V] with -inf for the end tokens in the rows where they are banned [N]."""
    import torch

    if not banned.any() or not end_ids:
        return logits
    rows = torch.from_numpy(np.flatnonzero(banned)).to(logits.device)
    columns = torch.tensor(sorted(end_ids), device=logits.device)
    changed = logits.clone()
    changed[rows[:, None], columns] = -torch.inf
    return changed


def with_low_end_tokens(signals: Signals, end_ids: Collection[int], vocab_size: int) -> Signals:
    """Return signals in which an end token as candidate has confidence and margin 0 and the largest entropy."""
    ended = np.isin(signals.token, list(end_ids))
    if not ended.any():
        return signals
    zero = signals.confidence.dtype.type(0)
    return replace(
        signals,
        confidence=np.where(ended, zero, signals.confidence),
        margin=None if signals.margin is None else np.where(ended, zero, signals.margin),
        entropy=None if signals.entropy is None else np.where(ended, zero + math.log(vocab_size), signals.entropy),
    )
