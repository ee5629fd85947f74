"""Training of the small models that ship: the stages of a recipe, with layers that are added between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaForCausalLM

from parallelbench.training import loop
from parallelbench.training.data import Batch, Batches
from parallelbench.training.initialise import add_layers
from parallelbench.training.optimisers import Optimisers
from parallelbench.training.precision import FLOAT32_ATTENTION
from parallelbench.training.stages import Recipe, Shipped
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
    """Train a model in place; the same call again continues from the last checkpoint in `out` (see `loop.run`).

    Raises:
        UserError: as `loop.run`, or there is no GPU for a recipe that wants one.
    """
    torch.set_num_threads(1)
    loop.check_device(training.recipe.device)
    training.model.to(training.recipe.device)
    training.model.set_attn_implementation(FLOAT32_ATTENTION)
    return loop.run(out, StagedTraining(training), every, say)


class StagedTraining(loop.Trainee):
    """A training as the loop sees it."""

    def __init__(self, training: Training) -> None:
        recipe = training.recipe
        self.name, self.device, self.training = training.name, recipe.device, training
        self.recipe = recipe.model_dump(mode="json", exclude={"device"})
        self.last = training.shipped.ends(recipe.steps)[-1]
        self.optimisers = Optimisers(training.model, recipe)
        self.steps = steps_of(training.model, recipe, self.optimisers, training.loss_of)

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up weights and optimisers, after the layers that the model had at that step were added."""
        self._grow(saved["step"] - 1)
        self.training.model.load_state_dict(saved["model"])
        self.optimisers.load(saved["optimisers"])

    def state(self) -> dict[str, Any]:
        """Weights and optimisers."""
        return {"model": self.training.model.state_dict(), "optimisers": self.optimisers.state()}

    def batches(self, first: int, workers: int) -> Iterator[tuple[str, Batch]]:
        """The batches from a step on."""
        training = self.training
        drawn = Batches(training.tokenizer, training.recipe.seed, training.shipped, training.recipe.steps)
        return drawn.from_step(first, self.last, workers)

    def take(self, step: int, batch: Batch) -> float | Tensor:
        """Take a step at its rate; layers are added before the first step of their stage."""
        self._grow(step)
        return self.steps.take(batch, self.training.shipped.rate(self.training.recipe, step))

    def measure(self) -> dict[str, float]:
        """Nothing: these models are measured by an experiment when they are finished."""
        return {}

    def save(self, folder: Path) -> None:
        """Write the model's files."""
        self.training.save(folder)

    def _grow(self, step: int) -> None:
        training = self.training
        self.steps.add(add_layers(training.model, training.shipped.layers(training.recipe, step), training.recipe.seed))
