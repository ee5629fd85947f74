"""The cell of a model, a task, a decoder and a seed."""

from __future__ import annotations

from dataclasses import replace

from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Decoder
from parallelbench.runs.cell import Cell
from parallelbench.schema import CacheKind
from parallelbench.tasks import Task

ELSEWHERE = frozenset({"samples", "shots", "max_new_tokens", "source", "origin"})
"""Options of a task that change no sample (samples), are named apart (shots, max_new_tokens), or are files (`fingerprint`)."""


def make_cell(
    info: ModelInfo, task: Task, decoder: Decoder, seed: int, cache: CacheKind = "none", aux: ModelInfo | None = None
) -> Cell:
    """Name the cell of a model, a task, a decoder and a seed; an auxiliary model counts where the decoder asks one."""
    beside = f"{aux.name}@{aux.revision},{aux.dtype}" if aux is not None and "aux" in decoder.needs else None
    return replace(_cell(info, task, decoder.spec, task.max_new_tokens, seed), cache=cache, aux=beside)


def make_generator_cell(info: GeneratorInfo, task: Task, seed: int) -> Cell:
    """Name the cell of a generator, which decodes in its own way."""
    return _cell(info, task, info.decoder, info.max_tokens or task.max_new_tokens, seed)


def _cell(info: ModelInfo | GeneratorInfo, task: Task, decoder: str, canvas_length: int, seed: int) -> Cell:
    return Cell(
        suite=task.suite,
        task=task.name,
        task_version=task.version,
        task_options=task.model_dump(mode="json", exclude=set(ELSEWHERE)),
        fingerprint=task.fingerprint,
        model=info.name,
        revision=info.revision,
        dtype=info.dtype,
        template=info.template,
        decoder=decoder,
        canvas_length=canvas_length,
        shots=task.shots_shown(info.shots),
        seed=seed,
    )
