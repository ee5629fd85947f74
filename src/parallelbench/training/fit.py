"""The loop that every small model is trained in: steps, a falling rate, a log, and checkpoints that leave no trace."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaForCausalLM

from parallelbench.errors import UserError
from parallelbench.training.data import Batches
from parallelbench.training.folder import UNREADABLE, TrainingFolder, training_folder
from parallelbench.training.initialise import add_layers
from parallelbench.training.optimisers import Optimisers
from parallelbench.training.precision import FLOAT32_ATTENTION
from parallelbench.training.stages import Device, Recipe, Shipped
from parallelbench.training.steps import Loss, steps_of


@dataclass(frozen=True, slots=True)
class Training:
    """What is trained, on which stages, with which loss.

    Attributes:
        name: of the training; a folder of another training is refused.
        loss_of: the mean loss of a batch's rows; it is called from several threads at once.
        save: writes the model's files into the folder that it is given; called with every checkpoint.
    """

    name: str
    model: LlamaForCausalLM
    tokenizer: Tokenizer
    recipe: Recipe
    shipped: Shipped
    loss_of: Loss
    save: Callable[[Path], None]


def fit(out: Path, training: Training, every: int, say: Callable[[str], None]) -> Path:
    """Train a model in place; the same call again continues from the last checkpoint in `out`, on the same or another device.

    `every` is the number of steps between checkpoints. Each adds a line to `out/log.jsonl`: step, mean loss of each group since
    the last line, seconds so far, device.

    Raises:
        UserError: `out` holds other files, a training of another name or recipe, a damaged checkpoint, or is being trained in.
    """
    torch.set_num_threads(1)
    _check(training.recipe.device)
    training.model.to(training.recipe.device)
    training.model.set_attn_implementation(FLOAT32_ATTENTION)
    with training_folder(out, training.name, training.recipe.model_dump(mode="json", exclude={"device"})) as folder:
        optimisers = Optimisers(training.model, training.recipe)
        first, seconds = _resume(folder, training, optimisers)
        _take_steps(folder, training, optimisers, first, seconds, every, say)
    return out


def _check(device: Device) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch finds no GPU here; train with device=cpu, or install a build of PyTorch for your GPU.")


def _workers(device: Device) -> int:
    """How many processes draw batches ahead: a GPU takes steps faster than one core draws their rows."""
    return max(1, (os.cpu_count() or 1) - 1) if device == "cuda" else 0


def _resume(folder: TrainingFolder, training: Training, optimisers: Optimisers) -> tuple[int, float]:
    """Load the checkpoint, if there is one; return the steps and the seconds that were trained."""
    saved = folder.resume()
    if saved is None:
        return 0, 0.0
    model, recipe = training.model, training.recipe
    try:
        optimisers.add(add_layers(model, training.shipped.layers(recipe, saved["step"] - 1), recipe.seed))
        model.load_state_dict(saved["model"])
        optimisers.load(saved["optimisers"])
    except (*UNREADABLE, AttributeError) as error:
        raise folder.damaged(error) from error
    return saved["step"], saved["seconds"]


def _take_steps(
    folder: TrainingFolder, training: Training, optimisers: Optimisers, first: int, seconds: float, every: int,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Train from step `first` to the last, with a log line and a checkpoint every so many steps."""
    model, recipe, shipped = training.model, training.recipe, training.shipped
    losses: dict[str, list[float | Tensor]] = {}
    began = time.perf_counter() - seconds
    last = shipped.ends(recipe.steps)[-1]
    drawn = Batches(training.tokenizer, recipe.seed, shipped, recipe.steps)
    steps = steps_of(model, recipe, optimisers, training.loss_of)
    for step, (group, batch) in zip(range(first, last), drawn.from_step(first, last, _workers(recipe.device)), strict=True):
        steps.add(add_layers(model, shipped.layers(recipe, step), recipe.seed))
        losses.setdefault(group, []).append(steps.take(batch, shipped.rate(recipe, step)))
        if (step + 1) % every == 0 or step + 1 == last:
            seconds = time.perf_counter() - began
            means = {group: round(float(sum(values)) / len(values), 4) for group, values in sorted(losses.items())}
            line = {"step": step + 1, "loss": means, "seconds": round(seconds, 1), "device": recipe.device}
            folder.log(line)
            say(json.dumps(line))
            folder.save_model(training.save)
            state = {"model": model.state_dict(), "optimisers": optimisers.state(), "step": step + 1, "seconds": seconds}
            folder.save_checkpoint(state)
            losses.clear()
