"""Writes a fine-tuned model as a checkpoint in the layout of its base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save
from torch import nn

from parallelbench.errors import UserError
from parallelbench.models.checkpoint import published_name
from parallelbench.models.described import HEAD, TUNED_FIELD
from parallelbench.models.digests import SETTINGS
from parallelbench.models.json_files import read_json
from parallelbench.models.layouts import Layout


def check_layout(layout: Layout, base: str) -> None:
    """Refuse a layout in which the native class cuts tensors otherwise than the checkpoint.

    Raises:
        UserError: it is one.
    """
    if layout.reshapes:
        raise UserError(
            f"{base} is a mixture of experts, which is not fine-tuned as a whole here; train an adapter: lora:base=..."
        )


def save_checkpoint(folder: Path, network: nn.Module, base: Path, layout: Layout, tasks: Sequence[str]) -> None:
    """Write config.json, model.safetensors in float32 and the tokenizer's files of the base.

    Args:
        folder: where they are written.
        network: the model.
        base: the folder of the checkpoint that it was made from.
        layout: how that checkpoint is published.
        tasks: what it was fine-tuned on, which config.json then says.
    """
    config = {**read_json(base / "config.json"), TUNED_FIELD: list(tasks)}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tied = getattr(getattr(network, "config", None), "tie_word_embeddings", False)
    tensors = {
        published_name(name, layout.renames): tensor.detach().float().cpu().clone().contiguous()
        for name, tensor in network.state_dict().items()
        if not (tied and name == HEAD)
    }
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))
    for name in (name for name in SETTINGS if name != "config.json" and (base / name).is_file()):
        shutil.copyfile(base / name, folder / name)
