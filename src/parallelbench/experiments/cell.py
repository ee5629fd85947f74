"""Makes the cell of a model, a task, a decoder and a seed."""

from __future__ import annotations

from typing import Any

from parallelbench.contracts.generator import FAMILY, GeneratorInfo
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Decoder, load_cache
from parallelbench.decoding.caches.base import Cache
from parallelbench.runs.cell import Cell, ModelFacts
from parallelbench.schema import DecoderFacts
from parallelbench.tasks import Task

NOT_IN_OPTIONS = frozenset({"samples", "shots", "max_new_tokens", "source", "origin"})
"""Options of a task that change no sample (samples), are named apart (shots, max_new_tokens), or are files (`fingerprint`)."""


def make_cell(
    info: ModelInfo,
    task: Task,
    decoder: Decoder,
    seed: int,
    cache: str | Cache = "none",
    aux: ModelInfo | None = None,
    spec: str | None = None,
) -> Cell:
    """Make the cell of a denoiser.

    Args:
        info: what the model declares about itself.
        task: the task.
        decoder: the decoder.
        seed: draws the samples and whatever is random in decoding.
        cache: which keys and values are kept between forwards.
        aux: the auxiliary model; it counts only where the decoder asks for one.
        spec: the model as the user named it; None is its name.
    """
    used = aux if aux is not None and "aux" in decoder.needs else None
    aux_name = "" if used is None else used.name
    facts, kept = decoder.facts, load_cache(cache)
    model = ModelFacts(spec or info.name, "law" in info.requires, info.tokenizer, info.layout, info.path, aux_name)
    return Cell(
        **_of_task(task, info, seed),
        decoder=decoder.spec_of(facts),
        canvas_length=task.max_new_tokens,
        cache=kept.spec,
        aux=None if used is None else f"{used.name}@{used.revision},{used.dtype}",
        approximate=not kept.exact,
        decoder_facts=facts,
        model_facts=model,
    )


def make_generator_cell(info: GeneratorInfo, task: Task, seed: int, spec: str | None = None) -> Cell:
    """Make the cell of a generator; its settings describe its decoding.

    Args:
        info: what the generator declares about itself.
        task: the task.
        seed: draws the samples and whatever is random in decoding.
        spec: the generator as the user named it; None is its name.
    """
    settings = {key: value for key, value in info.settings.items() if value is not None}
    return Cell(
        **_of_task(task, info, seed),
        decoder=info.decoder,
        canvas_length=info.max_tokens or task.max_new_tokens,
        decoder_facts=DecoderFacts(FAMILY, FAMILY, settings, speed={}, variant=settings, adaptive=False),
        model_facts=ModelFacts(spec or info.name),
    )


def _of_task(task: Task, info: ModelInfo | GeneratorInfo, seed: int) -> dict[str, Any]:
    """The fields that a denoiser's cell and a generator's have in common."""
    return {
        "suite": task.suite,
        "task": task.name,
        "task_version": task.version,
        "task_options": task.model_dump(mode="json", exclude={*NOT_IN_OPTIONS, *(() if task.system else ("system",))}),
        "fingerprint": task.fingerprint,
        "model": info.name,
        "revision": info.revision,
        "dtype": info.dtype,
        "template": info.template,
        "shots": task.shots_shown(info.shots),
        "seed": seed,
        "task_spec": task.spec,
        "metrics": task.metrics,
    }
