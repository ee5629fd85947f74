"""The loop that every small model is trained in: steps, a falling rate, a log, and checkpoints that leave no trace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from parallelbench.errors import UserError
from parallelbench.training.data import Batch, batches
from parallelbench.training.initialise import add_layers
from parallelbench.training.precision import FLOAT32_ATTENTION, mixed
from parallelbench.training.recipes import Recipe, Shipped

RECIPE, LOG = "recipe.json", "log.jsonl"
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


def fit(
    out: Path, model: LlamaForCausalLM, tokenizer: Tokenizer, recipe: Recipe, shipped: Shipped, loss_of: Loss,
    save: Callable[[], None], every: int, say: Callable[[str], None],
) -> Path:  # fmt: skip
    """Train a model in place; the same call again continues from the last checkpoint in `out`.

    Args:
        loss_of: the mean loss of a batch's rows; it is called from several threads at once.
        save: writes the model's own files into `out`, with every checkpoint.
        every: steps between checkpoints. Each adds a line to `out/log.jsonl`: step, mean loss of each group since the last
            line, seconds so far.

    Raises:
        UserError: `out` holds other files, or a checkpoint that is damaged or of another recipe.
    """
    torch.set_num_threads(1)
    model.set_attn_implementation(FLOAT32_ATTENTION)
    first, seconds, optimisers = 0, 0.0, Optimisers(model, recipe)
    checkpoint = out / "checkpoint.pt"
    _check_folder(out, recipe)
    if checkpoint.exists():
        saved = _read(checkpoint)
        first, seconds = saved["step"], saved["seconds"]
        optimisers.add(add_layers(model, shipped.layers(recipe, first - 1), recipe.seed))
        model.load_state_dict(saved["model"])
        optimisers.load(saved["optimisers"])
    _cut_log(out, first)
    losses: dict[str, list[float]] = {}
    began = time.perf_counter() - seconds
    drawn, last = batches(tokenizer, recipe.seed, first, shipped, recipe.steps), shipped.ends(recipe.steps)[-1]
    gradients = Gradients(model, recipe, loss_of)
    for step, (group, batch) in zip(range(first, last), drawn, strict=False):
        optimisers.add(add_layers(model, shipped.layers(recipe, step), recipe.seed))
        losses.setdefault(group, []).append(gradients.set(batch))
        optimisers.step(shipped.rate(recipe, step))
        if (step + 1) % every == 0 or step + 1 == last:
            seconds = time.perf_counter() - began
            _report(out, step + 1, losses, seconds, say)
            save()
            (out / RECIPE).write_text(recipe.model_dump_json(indent=2) + "\n", encoding="utf-8")
            state = {"model": model.state_dict(), "optimisers": optimisers.state(), "step": step + 1, "seconds": seconds}
            partial = out / "checkpoint.partial"
            torch.save(state, partial)
            partial.replace(checkpoint)
            losses.clear()
    return out


def _read(checkpoint: Path) -> dict[str, Any]:
    if not is_zipfile(checkpoint):
        raise UserError(f"{checkpoint} is damaged; delete {checkpoint.parent} and train anew.")
    saved: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    return saved


def _check_folder(out: Path, recipe: Recipe) -> None:
    foreign = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    if foreign and not (out / LOG).is_file():
        raise UserError(f"{out} holds files that are no training ({foreign[0]}); choose another folder with -o.")
    if not (out / RECIPE).is_file():
        return
    try:
        before, now = json.loads((out / RECIPE).read_text(encoding="utf-8")), recipe.model_dump(mode="json")
    except ValueError:
        raise UserError(f"{out / RECIPE} is damaged; delete {out} and train anew.") from None
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            raise UserError(
                f"{out} is being trained with {key}={before.get(key)}, not {now.get(key)}; give the same recipe to go on, or "
                "choose another folder with -o."
            )


def _cut_log(out: Path, step: int) -> None:
    """Drop what the log says of steps after the checkpoint, which are taken again."""
    log = out / LOG
    if log.is_file():
        whole = [line for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        log.write_text("".join(line for line in whole if json.loads(line)["step"] <= step), encoding="utf-8")


def _report(out: Path, step: int, losses: dict[str, list[float]], seconds: float, say: Callable[[str], None]) -> None:
    means = {group: round(sum(values) / len(values), 4) for group, values in sorted(losses.items())}
    line = json.dumps({"step": step, "loss": means, "seconds": round(seconds, 1)})
    with (out / LOG).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    say(line)
