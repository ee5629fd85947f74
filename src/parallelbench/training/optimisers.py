"""The optimisers of a training: Muon for the matrices of the blocks, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from transformers import LlamaForCausalLM

from parallelbench.training.stages import Recipe


class Optimisers:
    """Muon for the blocks' matrices, AdamW for the rest, one schedule (`Shipped.rate`)."""

    def __init__(self, model: LlamaForCausalLM, recipe: Recipe) -> None:
        matrices, norms = _weights(model.model.layers)
        others = [model.model.embed_tokens.weight, model.model.norm.weight, *norms]
        self.muon = torch.optim.Muon(matrices, lr=recipe.muon_rate, momentum=0.95, weight_decay=0.0)
        self.adam = torch.optim.AdamW(
            others, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, capturable=recipe.device == "cuda"
        )
        self.recorded = recipe.device == "cuda"
        self.rates = (recipe.muon_rate, recipe.adam_rate)

    def add(self, layers: Iterable[nn.Module]) -> None:
        """Take in the weights of new layers on top."""
        matrices, norms = _weights(layers)
        self.muon.param_groups[0]["params"].extend(matrices)
        self.adam.param_groups[0]["params"].extend(norms)

    def step(self, factor: float) -> None:
        """Apply one update at this fraction of the rates."""
        pairs: list[tuple[torch.optim.Optimizer, float]] = [(self.muon, self.rates[0]), (self.adam, self.rates[1])]
        for optimiser, rate in pairs:
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()

    def state(self) -> list[dict[str, Any]]:
        """The state of both optimisers."""
        return [self.muon.state_dict(), self.adam.state_dict()]

    def load(self, state: list[dict[str, Any]]) -> None:
        """Take up a state that was saved on this or another device."""
        self.muon.load_state_dict(state[0])
        self.adam.load_state_dict(state[1])
        for group in self.adam.param_groups:
            group["capturable"] = self.recorded


def _weights(layers: Iterable[nn.Module]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    weights = [weight for layer in layers for weight in layer.parameters()]
    return [weight for weight in weights if weight.ndim == 2], [weight for weight in weights if weight.ndim == 1]
