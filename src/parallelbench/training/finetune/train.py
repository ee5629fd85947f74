"""Fine-tunes a checkpoint on tasks: `parallelbench train lora:base=...` and `full:base=...`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.errors import UserError
from parallelbench.models import describe
from parallelbench.models.digests import weights_digest
from parallelbench.models.layouts import LAYOUTS
from parallelbench.models.native import NativeDenoiser
from parallelbench.models.sedd import Sedd
from parallelbench.training import loop
from parallelbench.training.finetune import lora, losses, whole
from parallelbench.training.finetune.options import FineTuning, Full, Lora
from parallelbench.training.finetune.rows import Rows, load_tasks
from parallelbench.training.finetune.trainee import FineTuned
from parallelbench.training.precision import FLOAT32_ATTENTION
from parallelbench.training.steps import Loss

SCORE_TARGETS = ("attn_qkv",)
"""What LoRA adapts in a score network, whose queries, keys and values are one layer."""


def train_lora(out: Path, options: Lora, say: Callable[[str], None] = print) -> Path:
    """Train an adapter; the same call again continues from the last checkpoint.

    Raises:
        MissingExtra: peft is not installed.
        UserError: as `finetune`, or the rank or a target cannot be.
    """
    handle = check_base(options)
    if handle.info.tuned.startswith("adapter "):
        raise UserError(f"{options.base} has an adapter already; train the new one on the base alone.")
    if "score" in handle.info.offers and options.targets == Lora.model_fields["targets"].default:
        options = options.model_copy(update={"targets": SCORE_TARGETS})
    layout, insert = LAYOUTS[handle.info.layout], partial(lora.insert, options=options)

    def save(folder: Path, network: nn.Module, digest: str) -> None:
        lora.save_adapter(folder, network, options, layout, digest)

    return finetune(out, "lora", options, handle, insert, save, say)


def train_full(out: Path, options: Full, say: Callable[[str], None] = print) -> Path:
    """Train all weights of a model; the same call again continues from the last checkpoint.

    Raises:
        UserError: as `finetune`, or the base is a mixture of experts.
    """
    handle = check_base(options)
    layout, base = LAYOUTS[handle.info.layout], _folder(handle)
    whole.check_layout(layout, options.base)

    def prepare(network: nn.Module) -> None:
        network.float().requires_grad_(True)

    def save(folder: Path, network: nn.Module, digest: str) -> None:
        whole.save_checkpoint(folder, network, base, layout, options.task)

    return finetune(out, "full", options, handle, prepare, save, say)


def check_base(options: FineTuning) -> DenoiserHandle:
    """Describe the base of a fine-tuning.

    Raises:
        UserError: it has no weights that could be trained, or it is no checkpoint; or there is no GPU for `device=cuda`.
    """
    loop.check_device(options.device)
    handle = describe(options.base, options.device)
    if not isinstance(handle, DenoiserHandle):
        raise UserError(f"{options.base} decodes in its own way and cannot be fine-tuned here; name a denoiser, as base=tiny.")
    _folder(handle)
    return handle


Save = Callable[[Path, nn.Module, str], None]
"""Writes the trained files: folder, network, and the SHA-256 of the base's weights."""


def finetune(
    out: Path, name: str, options: FineTuning, handle: DenoiserHandle, prepare: Callable[[nn.Module], None], save: Save,
    say: Callable[[str], None],
) -> Path:  # fmt: skip
    """Load the base and train what `prepare` leaves trainable in it.

    Raises:
        UserError: a task is unknown or the base has no tokens or no room for it; the folder holds something else.
    """
    torch.set_num_threads(options.threads)
    tasks = load_tasks(options.task)
    rows = Rows(handle.codec_for(tasks[0].sample(0, 0)), handle.info, tasks, options)
    denoiser = handle.load()
    loss_of: Loss
    if isinstance(denoiser, NativeDenoiser):
        if denoiser.network.dtype == torch.float32:
            denoiser.network.set_attn_implementation(FLOAT32_ATTENTION)
        loss_of = partial(losses.masked_diffusion, denoiser.network, handle.info)
    elif isinstance(denoiser, Sedd):
        loss_of = partial(losses.score_entropy, denoiser.network, handle.info)
    else:
        raise UserError(f"{options.base} runs on a class of its own, which is not trained here; name another base.")
    network: nn.Module = denoiser.network
    prepare(network)
    digest = weights_digest(_folder(handle))

    def write(folder: Path) -> None:
        save(folder, network, digest)

    trainee = FineTuned(name, options, digest, network, rows, loss_of, write)
    return loop.run(out, trainee, options.every, say)


def _folder(handle: DenoiserHandle) -> Path:
    if handle.folder is None:
        raise UserError(f"{handle.info.name} has no weights that could be trained; name a checkpoint, as base=path:DIR.")
    return handle.folder
