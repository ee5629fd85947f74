"""A fine-tuning as the training loop sees it: AdamW on whatever is trainable in a network, one seed for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from parallelbench.training.data import Batch, batches_from
from parallelbench.training.finetune.options import FineTuning
from parallelbench.training.finetune.rows import Rows
from parallelbench.training.loop import Trainee
from parallelbench.training.precision import mixed
from parallelbench.training.steps import Loss

SEED_OF_VALIDATION = 1 << 40


class FineTuned(Trainee):
    """Trains the weights of a network that require a gradient; only these are in its checkpoints.

    Dropout and the noise of a score network are drawn from torch's global stream, which is seeded anew for each step, so that
    a training that was interrupted goes on with the same draws.

    Args:
        name: "lora" or "full".
        options: the recipe.
        digest: the SHA-256 of the base's weights, so that a training does not go on from another base.
        network: on its device.
        rows: the training and the validation rows.
        loss_of: the mean loss of a batch's rows.
        write: writes the trained model into an empty folder.
    """

    def __init__(
        self, name: str, options: FineTuning, digest: str, network: nn.Module, rows: Rows, loss_of: Loss,
        write: Callable[[Path], None],
    ) -> None:  # fmt: skip
        self.name, self.device, self.last = name, options.device, options.steps
        self.recipe = {**options.recipe, "base_weights": digest}
        self.options, self.network, self.rows, self.loss_of, self.write = options, network, rows, loss_of, write
        self.weights = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=options.rate, weight_decay=options.decay)
        self._validation: list[Batch] | None = None

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up the trained weights and the optimiser."""
        if saved["model"].keys() != self.weights.keys():
            raise ValueError("it holds other weights")
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(saved["model"][name])
        self.optimiser.load_state_dict(saved["optimiser"])

    def state(self) -> dict[str, Any]:
        """The trained weights and the optimiser."""
        return {
            "model": {name: weight.detach() for name, weight in self.weights.items()},
            "optimiser": self.optimiser.state_dict(),
        }

    def batches(self, first: int, workers: int) -> Iterator[tuple[str, Batch]]:
        """The batches from a step on."""
        return batches_from(self.rows, first, self.last, workers)

    def take(self, step: int, batch: Batch) -> float:
        """Update the weights; the gradient is that of the mean loss over the rows, clipped."""
        self.network.train()
        torch.manual_seed(self.options.seed * 1_000_003 + step)
        self.optimiser.zero_grad()
        loss = 0.0
        for part in batch.split(-(-len(batch) // (self.options.rows or len(batch)))):
            weighted = self._loss(part) * (len(part) / len(batch))
            weighted.backward()  # type: ignore[no-untyped-call]  # torch does not type it
            loss += float(weighted.detach())
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.options.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.options.rate * self.options.factor(step)
        self.optimiser.step()
        return loss

    def measure(self) -> dict[str, float]:
        """The mean loss of the validation rows, always under the same masks and noise."""
        if not self.options.validation:
            return {}
        if self._validation is None:
            self._validation = self.rows.validation()
        self.network.eval()
        torch.manual_seed(SEED_OF_VALIDATION)
        with torch.no_grad():
            losses: list[Tensor] = [self._loss(part) * len(part) for part in self._validation]
        return {"validation": round(float(sum(losses)) / self.options.validation, 4)}

    def save(self, folder: Path) -> None:
        """Write the trained model."""
        self.write(folder)

    def _loss(self, rows: Batch) -> Tensor:
        device = next(iter(self.weights.values())).device
        with mixed(device, self.options.precision):
            return self.loss_of(rows.to(device))
