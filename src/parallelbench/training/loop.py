"""The loop that every training runs in: steps, a log, and checkpoints from which it continues as if nothing had happened."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from parallelbench.errors import UserError
from parallelbench.training.data import Batch
from parallelbench.training.folder import UNREADABLE, TrainingFolder, training_folder
from parallelbench.training.stages import Device


class Trainee(Protocol):
    """What a training is, as far as the loop needs to know.

    Attributes:
        name: of the training; a folder of another training is refused.
        recipe: what determines the weights; a folder with another recipe is refused.
        device: where the steps are taken.
        last: the number of steps.
    """

    name: str
    recipe: Mapping[str, Any]
    device: Device
    last: int

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `state` returned; `saved["step"]` is the number of steps that were taken."""

    def state(self) -> dict[str, Any]:
        """Weights and optimiser, as a checkpoint holds them."""

    def batches(self, first: int, workers: int) -> Iterator[tuple[str, Batch]]:
        """The batches from a step on, with the names of their groups, drawn ahead by this number of processes."""

    def take(self, step: int, batch: Batch) -> float | Tensor:
        """Take a step; return its loss."""

    def measure(self) -> dict[str, float]:
        """What is measured at each checkpoint, for the log."""

    def save(self, folder: Path) -> None:
        """Write the model's files into an empty folder; called with every checkpoint."""


def check_device(device: Device) -> None:
    """Refuse to train on a GPU where there is none.

    Raises:
        UserError: there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch finds no GPU here; train with device=cpu, or install a build of PyTorch for your GPU.")


def run(out: Path, trainee: Trainee, every: int, say: Callable[[str], None]) -> Path:
    """Train; the same call again continues from the last checkpoint in `out`, on the same or another device.

    `every` is the number of steps between checkpoints. Each adds a line to `out/log.jsonl`: step, mean loss of each group since
    the last line, what the trainee measures, seconds so far, device.

    Raises:
        UserError: `out` holds other files, a training of another name or recipe, a damaged checkpoint, or is being trained in.
    """
    with training_folder(out, trainee.name, trainee.recipe) as folder:
        first, seconds = _resume(folder, trainee)
        _take_steps(folder, trainee, first, seconds, every, say)
    return out


def _resume(folder: TrainingFolder, trainee: Trainee) -> tuple[int, float]:
    """Load the checkpoint, if there is one; return the steps and the seconds that were trained."""
    saved = folder.resume()
    if saved is None:
        return 0, 0.0
    try:
        trainee.load(saved)
    except (*UNREADABLE, AttributeError) as error:
        raise folder.damaged(error) from error
    return saved["step"], saved["seconds"]


def _take_steps(
    folder: TrainingFolder, trainee: Trainee, first: int, seconds: float, every: int, say: Callable[[str], None]
) -> None:
    """Train from step `first` to the last, with a log line and a checkpoint every so many steps."""
    losses: dict[str, list[float | Tensor]] = {}
    began = time.perf_counter() - seconds
    last = trainee.last
    for step, (group, batch) in zip(range(first, last), trainee.batches(first, _workers(trainee.device)), strict=True):
        losses.setdefault(group, []).append(trainee.take(step, batch))
        if (step + 1) % every == 0 or step + 1 == last:
            means = {group: round(float(sum(values)) / len(values), 4) for group, values in sorted(losses.items())}
            measured = trainee.measure()
            seconds = time.perf_counter() - began
            line = {"step": step + 1, "loss": means, **measured, "seconds": round(seconds, 1), "device": trainee.device}
            folder.log(line)
            say(json.dumps(line))
            folder.save_model(trainee.save)
            folder.save_checkpoint({**trainee.state(), "step": step + 1, "seconds": seconds})
            losses.clear()


def _workers(device: Device) -> int:
    """How many processes draw batches ahead: a GPU takes steps faster than one core draws their rows."""
    return max(1, (os.cpu_count() or 1) - 1) if device == "cuda" else 0
