"""How a step of training is taken: on CPU cores that share the rows of a batch, or on a GPU that replays recorded steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from parallelbench.training.data import Batch
from parallelbench.training.optimisers import Optimisers
from parallelbench.training.precision import mixed
from parallelbench.training.stages import Recipe

Loss = Callable[[Batch], Tensor]
"""The mean loss of a batch's rows."""


class Steps(Protocol):
    """Takes the steps of a training."""

    def take(self, batch: Batch, factor: float) -> float | Tensor:
        """Update the weights from a batch at this fraction of the rates; return the mean loss of its rows."""

    def add(self, layers: Iterable[nn.Module]) -> None:
        """Take in new layers on top of the model."""


def steps_of(model: LlamaForCausalLM, recipe: Recipe, optimisers: Optimisers, loss_of: Loss) -> Steps:
    """The way of taking steps on the recipe's device."""
    kind = RecordedSteps if recipe.device == "cuda" else ThreadedSteps
    return kind(model, recipe, optimisers, loss_of)


class ThreadedSteps:
    """Takes steps on CPU cores: the rows of a batch are shared out among threads.

    Each thread's operations run on one core: for matrices as small as these, two threads that take half of the rows each need
    two thirds of the time of two threads that share every product.
    """

    def __init__(self, model: LlamaForCausalLM, recipe: Recipe, optimisers: Optimisers, loss_of: Loss) -> None:
        self.model, self.recipe, self.optimisers, self.loss_of = model, recipe, optimisers, loss_of
        self.pool = ThreadPoolExecutor(recipe.threads)

    def add(self, layers: Iterable[nn.Module]) -> None:
        """Take in new layers on top of the model."""
        self.optimisers.add(layers)

    def take(self, batch: Batch, factor: float) -> float:
        """Update the weights; the gradient is that of the mean loss over the rows, clipped to norm 1."""
        loss = self.set_gradients(batch)
        self.optimisers.step(factor)
        return loss

    def set_gradients(self, batch: Batch) -> float:
        """Set the gradients of the mean loss over the batch's rows, clipped to norm 1, and return that loss."""
        weights = list(self.model.parameters())

        def part(rows: Batch) -> tuple[float, tuple[Tensor, ...]]:
            with mixed(rows.ids.device, self.recipe.precision):
                loss = self.loss_of(rows) * (len(rows) / len(batch))
            return float(loss.detach()), torch.autograd.grad(loss, weights)

        losses, gradients = zip(*self.pool.map(part, batch.split(self.recipe.threads)), strict=True)
        for weight, *parts in zip(weights, *gradients, strict=True):
            weight.grad = torch.stack(parts).sum(0)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        return float(sum(losses))


class RecordedSteps:
    """Takes steps on a GPU, where it takes longer to launch the two thousand small kernels of a step than to run them.

    The first batch of a shape is an ordinary step, the second is recorded as a CUDA graph, and all others replay the graph. A
    learning rate is a constant of a graph, so a step is taken at the full rate and then shortened: an update of Muon or AdamW
    without weight decay is proportional to the rate.
    """

    def __init__(self, model: LlamaForCausalLM, recipe: Recipe, optimisers: Optimisers, loss_of: Loss) -> None:
        self.model, self.recipe, self.optimisers, self.loss_of = model, recipe, optimisers, loss_of
        self.device = model.device
        self.factor = torch.ones((), device=self.device)
        self.stream: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch does not type it
        self._forget()

    def _forget(self) -> None:
        self.met: set[tuple[torch.Size, torch.Size]] = set()
        self.graphs: dict[tuple[torch.Size, torch.Size], tuple[torch.cuda.CUDAGraph, Batch, Tensor]] = {}
        self.pool = torch.cuda.graph_pool_handle()

    def add(self, layers: Iterable[nn.Module]) -> None:
        """Take in new layers on top of the model; the graphs of the smaller model are of no more use."""
        layers = list(layers)
        if layers:
            torch.cuda.synchronize()
            self._forget()
        self.optimisers.add(layers)

    def take(self, batch: Batch, factor: float) -> Tensor:
        """Update the weights as `ThreadedSteps.take` does; the loss stays on the device, so that nothing waits for it."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            loss = self._take(batch, factor)
        torch.cuda.current_stream().wait_stream(self.stream)
        return loss

    def _take(self, batch: Batch, factor: float) -> Tensor:
        shape = (batch.ids.shape, batch.columns.shape)
        self.factor.fill_(factor)
        if shape not in self.met:
            self.met.add(shape)
            with warnings.catch_warnings():  # AdamW warns where a step that could be recorded is not
                warnings.filterwarnings("ignore", message=".*capturable=True")
                return self._step(batch.to(self.device))
        if shape not in self.graphs:
            self.graphs[shape] = self._recorded(batch)
        graph, static, loss = self.graphs[shape]
        for ours, new in zip(static.tensors, batch.tensors, strict=True):
            ours.copy_(new, non_blocking=True)
        graph.replay()
        return loss.clone()

    def _recorded(self, batch: Batch) -> tuple[torch.cuda.CUDAGraph, Batch, Tensor]:
        static = batch.to(self.device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            loss = self._step(static)
        return graph, static, loss

    def _step(self, batch: Batch) -> Tensor:
        weights = list(self.model.parameters())
        with mixed(self.device, self.recipe.precision):
            loss = self.loss_of(batch)
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = gradient
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        with torch.no_grad():
            before = [weight.clone() for weight in weights]
            self.optimisers.step(1.0)
            for weight, old in zip(weights, before, strict=True):
                weight.copy_(old.lerp(weight, self.factor))
        return loss.detach()
