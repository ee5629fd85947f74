"""A model that hands every forward on, keeps its batch and adds up the time that it takes; shared by the benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch

from parallelbench.contracts.denoiser import Codec, Denoiser
from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.schema import Sample


class Recorder(Denoiser):
    """Another model, with the batches that it ran and the seconds spent inside it."""

    def __init__(self, model: Denoiser) -> None:
        self.model = model
        self.batches: list[ForwardBatch] = []
        self.inside = 0.0

    @property
    def info(self) -> ModelInfo:
        return self.model.info

    def codec_for(self, sample: Sample) -> Codec:
        return self.model.codec_for(sample)

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        self.batches.append(batch)
        start = time.perf_counter()
        output = self.model.forward(batch)
        self.inside += time.perf_counter() - start
        return output

    @property
    def rows(self) -> int:
        """Row-forwards so far."""
        return sum(len(batch.ids) for batch in self.batches)


@torch.inference_mode()
def replay(model: Denoiser, batches: Sequence[ForwardBatch]) -> None:
    """Run recorded forwards again, with nothing in between."""
    for batch in batches:
        model.forward(batch)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
