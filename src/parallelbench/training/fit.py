"""The loop that every small model is trained in: steps, a falling rate, a log, and checkpoints that leave no trace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from parallelbench.training.data import Batch, batches
from parallelbench.training.folder import UNREADABLE, TrainingFolder, training_folder
from parallelbench.training.initialise import add_layers
from parallelbench.training.precision import FLOAT32_ATTENTION, mixed
from parallelbench.training.stages import Recipe, Shipped

Loss = Callable[[Batch], Tensor]
"""The mean loss of a batch's rows."""


class Optimisers:
    """Muon for the blocks' matrices, AdamW for the rest, one schedule (`Shipped.rate`)."""

    def __init__(self, model: LlamaForCausalLM, recipe: Recipe) -> None:
        matrices, norms = _weights(model.model.layers)
        others = [model.model.embed_tokens.weight, model.model.norm.weight, *norms]
        self.muon = torch.optim.Muon(matrices, lr=recipe.muon_rate, momentum=0.95, weight_decay=0.0)
        self.adam = torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.rates = (recipe.muon_rate, recipe.adam_rate)

    def add(self, layers: Iterable[nn.Module]) -> None:
        """Take in the weights of new layers on top."""
        matrices, norms = _weights(layers)
        self.muon.param_groups[0]["params"].extend(matrices)
        self.adam.param_groups[0]["params"].extend(norms)

    def step(self, factor: float) -> None:
        """Apply one update at this share of the rates."""
        pairs: list[tuple[torch.optim.Optimizer, float]] = [(self.muon, self.rates[0]), (self.adam, self.rates[1])]
        for optimiser, rate in pairs:
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()

    def state(self) -> list[dict[str, Any]]:
        """The state of both optimisers."""
        return [self.muon.state_dict(), self.adam.state_dict()]

    def load(self, state: list[dict[str, Any]]) -> None:
        """Take up a saved state."""
        self.muon.load_state_dict(state[0])
        self.adam.load_state_dict(state[1])


def _weights(layers: Iterable[nn.Module]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    weights = [weight for layer in layers for weight in layer.parameters()]
    return [weight for weight in weights if weight.ndim == 2], [weight for weight in weights if weight.ndim == 1]


class Gradients:
    """Sets a model's gradients from a batch whose rows are shared out among threads.

    Each thread's operations run on one core: for matrices as small as these, two threads that take half of the rows each need
    two thirds of the time of two threads that share every product.
    """

    def __init__(self, model: LlamaForCausalLM, recipe: Recipe, loss_of: Loss) -> None:
        self.model, self.recipe, self.loss_of = model, recipe, loss_of
        self.pool = ThreadPoolExecutor(recipe.threads)

    def set(self, batch: Batch) -> float:
        """Set the gradients of the mean loss over the batch's rows, clipped to norm 1, and return that loss."""
        weights = list(self.model.parameters())

        def part(rows: Batch) -> tuple[float, tuple[Tensor, ...]]:
            with mixed(self.recipe.precision):
                loss = self.loss_of(rows) * (len(rows) / len(batch))
            return float(loss.detach()), torch.autograd.grad(loss, weights)

        losses, gradients = zip(*self.pool.map(part, batch.split(self.recipe.threads)), strict=True)
        for weight, *parts in zip(weights, *gradients, strict=True):
            weight.grad = torch.stack(parts).sum(0)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        return float(sum(losses))


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
    """Train a model in place; the same call again continues from the last checkpoint in `out`.

    `every` is the number of steps between checkpoints. Each adds a line to `out/log.jsonl`: step, mean loss of each group since
    the last line, seconds so far.

    Raises:
        UserError: `out` holds other files, a training of another name or recipe, a damaged checkpoint, or is being trained in.
    """
    torch.set_num_threads(1)
    training.model.set_attn_implementation(FLOAT32_ATTENTION)
    with training_folder(out, training.name, training.recipe.model_dump(mode="json")) as folder:
        optimisers = Optimisers(training.model, training.recipe)
        first, seconds = _resume(folder, training, optimisers)
        _take_steps(folder, training, optimisers, first, seconds, every, say)
    return out


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
    losses: dict[str, list[float]] = {}
    began = time.perf_counter() - seconds
    drawn = batches(training.tokenizer, recipe.seed, first, shipped, recipe.steps)
    last = shipped.ends(recipe.steps)[-1]
    gradients = Gradients(model, recipe, training.loss_of)
    for step, (group, batch) in zip(range(first, last), drawn, strict=False):
        optimisers.add(add_layers(model, shipped.layers(recipe, step), recipe.seed))
        losses.setdefault(group, []).append(gradients.set(batch))
        optimisers.step(shipped.rate(recipe, step))
        if (step + 1) % every == 0 or step + 1 == last:
            seconds = time.perf_counter() - began
            means = {group: round(sum(values) / len(values), 4) for group, values in sorted(losses.items())}
            line = {"step": step + 1, "loss": means, "seconds": round(seconds, 1)}
            folder.log(line)
            say(json.dumps(line))
            folder.save_model(training.save)
            state = {"model": model.state_dict(), "optimisers": optimisers.state(), "step": step + 1, "seconds": seconds}
            folder.save_checkpoint(state)
            losses.clear()
