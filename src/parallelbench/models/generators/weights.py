"""Weights for transformers' own classes: from safetensors alone, without remote code, and none left at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import logging

from parallelbench.errors import UserError


def read_weights(kind: Any, folder: Path, dtype: str) -> PreTrainedModel:
    """Load a checkpoint folder with `kind.from_pretrained`, a class of transformers or one of its Auto classes.

    Raises:
        UserError: a tensor is missing, which the class would fill with random numbers, or one is left over.
        ValueError, KeyError, OSError, RuntimeError, SafetensorError: what transformers says of a folder that it cannot read.
    """
    logging.disable_progress_bar()  # ours is the only one
    logging.set_verbosity_error()  # what it reports of a folder is said below, in one sentence
    model, found = kind.from_pretrained(
        folder,
        dtype=getattr(torch, dtype),
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
    )
    if missing := sorted(found["missing_keys"]):
        raise UserError(f"{folder} lacks weights ({missing[0]}; {len(missing)} in all); copy the checkpoint again.")
    if over := sorted(found["unexpected_keys"]):
        raise UserError(
            f"{folder} holds weights that its class has no place for ({over[0]}; {len(over)} in all); its config.json "
            "is of another model."
        )
    loaded: PreTrainedModel = model
    return loaded
