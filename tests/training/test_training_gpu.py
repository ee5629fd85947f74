"""Steps on a GPU: those that are replayed from a graph change the weights as the steps of a CPU do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from parallelbench.training.causal import train as train_causal
from parallelbench.training.data import Batches
from parallelbench.training.initialise import add_layers
from parallelbench.training.optimisers import Optimisers
from parallelbench.training.recipes import TINY
from parallelbench.training.stages import Recipe, Stage
from parallelbench.training.steps import steps_of
from parallelbench.training.tiny import masked_loss, new_model, train

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]

RECIPE = Recipe(steps=6, warmup=3, hidden_size=96, layers=2, heads=3, mlp_size=32, threads=1)


def test_replayed_steps_are_those_of_a_cpu_also_after_a_layer_is_added() -> None:
    group = replace(TINY.groups[0], batch=8)
    shipped = replace(TINY, stages=(Stage((group,)), Stage((group,), layers=1)), samples_per_task=10)
    tokenizer = shipped.tokenizer()
    batches = Batches(tokenizer, 0, shipped, RECIPE.steps)
    found = []
    for device in ("cpu", "cuda"):
        recipe = RECIPE.model_copy(update={"device": device})
        model = new_model(recipe, tokenizer.get_vocab_size(), opening=4).to(device)

        def loss_of(batch: object, model: object = model) -> torch.Tensor:
            return masked_loss(model, batch, mask_id=3)  # type: ignore[arg-type]

        losses, loss = [], loss_of
        steps = steps_of(model, recipe, Optimisers(model, recipe), loss)
        for step, (_, batch) in enumerate(batches.from_step(0, 12)):
            steps.add(add_layers(model, shipped.layers(recipe, step), recipe.seed))
            losses.append(float(steps.take(batch, shipped.rate(recipe, step))))
        found.append((losses, {name: weight.detach().cpu() for name, weight in model.named_parameters()}))
    (expected, weights), (losses, replayed) = found
    assert losses == pytest.approx(expected, rel=2e-3)
    fresh = dict(new_model(RECIPE, tokenizer.get_vocab_size(), opening=4).named_parameters())
    for name, weight in weights.items():  # Muon's products are in bfloat16 and differ between devices
        if name in fresh:
            assert (replayed[name] - weight).norm() < 0.15 * (weight - fresh[name]).norm(), name


def test_a_training_on_a_gpu_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    shipped = replace(TINY, stages=tuple(replace(stage, mixture=stage.mixture[:1]) for stage in TINY.stages[:1]))
    recipe = RECIPE.model_copy(update={"device": "cuda"})

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, recipe, every=3, say=interrupt, shipped=shipped)
    train(tmp_path, recipe, every=3, say=lambda line: None, shipped=shipped)
    assert (tmp_path / "model.safetensors").is_file()
    train_causal(tmp_path / "ar", recipe, every=3, say=lambda line: None)
