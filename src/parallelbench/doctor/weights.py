"""Do a model's weights look trained? Random ones pass every other check, and their answers are wrong without a word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from parallelbench.contracts.info import ModelInfo
from parallelbench.schema import Generation

UNIFORM = 0.95
"""The share of the largest entropy above which predictions count as uniform; trained models have less than half of it."""


def doubts(info: ModelInfo, logits: Sequence[Tensor], samples: Sequence[Generation]) -> tuple[str, ...]:
    """Say what makes weights look random; empty where nothing does.

    Args:
        info: the model.
        logits: for each prompt those of positions of the masked canvas, [W, V].
        samples: what it decoded for these prompts.
    """
    if "law" in info.requires:
        return ()
    found = [_uniform(logits), _blank(info, samples), _unrelated(samples)]
    advice = "the weights may be random, unfinished, or of another layout"
    return tuple(f"{what}; {advice}." for what in found if what is not None)


def _uniform(logits: Sequence[Tensor]) -> str | None:
    """The mean entropy of the predictions against that of a uniform one, ln V."""
    rows = torch.cat([part.double() for part in logits])
    entropy = torch.special.entr(torch.softmax(rows, dim=-1)).sum(-1).mean()
    part = float(entropy) / np.log(rows.shape[1])
    return f"its predictions are nearly uniform ({part:.0%} of the largest entropy)" if part > UNIFORM else None


def _blank(info: ModelInfo, samples: Sequence[Generation]) -> str | None:
    empty = {*info.end_ids, info.pad_id, info.mask_id}
    blank = sum(not sample.text.strip() or set(sample.token_ids) <= empty for sample in samples)
    return f"all {blank} answers are blank" if blank == len(samples) else None


def _unrelated(samples: Sequence[Generation]) -> str | None:
    """Whether no answer holds any word of its right answer."""
    words = [{word.strip('[]",.') for word in sample.prompt.sample.answer.split()} - {""} for sample in samples]
    related = any(word in sample.text for sample, known in zip(samples, words, strict=True) for word in known)
    return None if related else f"none of {len(samples)} answers holds a word of a right answer"
