"""Where decoded samples come from: the engine with a denoiser, or a generator. The cell loop knows this interface only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import Generator, Request
from parallelbench.decoding import Engine, make_prompt
from parallelbench.experiments.decoded import Decoded, from_generation, from_reply
from parallelbench.experiments.plan import PlannedCell
from parallelbench.schema import BatchSize, Prompt, Sample

IN_FLIGHT = 64
"""Requests of a generator in flight at once where the batch size is `auto`."""


class Source(ABC):
    """Decodes samples of one cell."""

    device: str
    """Where the model runs."""

    @abstractmethod
    def first_prompt(self) -> str:
        """Return the prompt of the cell's first sample; a later call on the folder is refused if it has changed."""

    @abstractmethod
    def details(self) -> Mapping[str, Any]:
        """Return what the model tells of itself."""

    @abstractmethod
    def decode(self, indices: Sequence[int]) -> Iterator[Decoded]:
        """Decode samples and yield each as it comes, in no particular order.

        Raises:
            UserError: a prompt does not fit, or the model cannot go on.
        """


class DenoiserSource(Source):
    """A denoiser, a decoder and the engine."""

    def __init__(self, work: PlannedCell, model: Denoiser, batch_size: BatchSize, aux: Denoiser | None = None) -> None:
        self.device = model.info.device
        self._work, self._model, self._batch_size, self._aux = work, model, batch_size, aux

    def first_prompt(self) -> str:
        return self._prompt(self._work.task.order(self._work.cell.seed)[0]).text

    def details(self) -> Mapping[str, Any]:
        return self._model.details()

    def decode(self, indices: Sequence[int]) -> Iterator[Decoded]:
        work = self._work
        if work.decoder is None:
            raise TypeError(f"{work.cell.id} names no decoder for a denoiser")
        engine = Engine(self._model, self._batch_size, self._aux, work.cell.cache)
        engine.warm_up(self._prompt(work.task.order(work.cell.seed)[0]), work.decoder, work.cell.seed)
        prompts = (self._prompt(index) for index in indices)
        for generation in engine.generate(prompts, work.decoder, work.cell.seed):
            yield from_generation(generation, self._model)

    def _prompt(self, index: int) -> Prompt:
        sample = self._work.task.sample(self._work.cell.seed, index, self._model.info.shots)
        return make_prompt(self._model, sample, self._work.task.max_new_tokens, infill=self._work.task.infill)


class GeneratorSource(Source):
    """A generator, which decodes by itself."""

    def __init__(self, work: PlannedCell, model: Generator, batch_size: BatchSize) -> None:
        self.device = model.info.device
        self._work, self._model, self._batch_size = work, model, batch_size

    def first_prompt(self) -> str:
        return self._model.prompt(self._sample(self._work.task.order(self._work.cell.seed)[0]))

    def details(self) -> Mapping[str, Any]:
        return self._model.details()

    def decode(self, indices: Sequence[int]) -> Iterator[Decoded]:
        requests = (Request(self._sample(index), self._work.cell.canvas_length) for index in indices)
        for reply in self._model.generate(
            requests, self._work.cell.seed, IN_FLIGHT if self._batch_size == "auto" else self._batch_size
        ):
            yield from_reply(reply)

    def _sample(self, index: int) -> Sample:
        return self._work.task.sample(self._work.cell.seed, index, self._model.info.shots)
