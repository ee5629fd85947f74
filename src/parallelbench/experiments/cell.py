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


class Derived:
    """What many cells have in common, derived once for each task on a model and for each decoder, however many cells there are.

    Objects count as the same by their identity; they are kept, so that no other can have it.
    """

    def __init__(self) -> None:
        self._tasks: dict[tuple[int, int], tuple[Task, ModelInfo | GeneratorInfo, dict[str, Any]]] = {}
        self._decoders: dict[int, tuple[Decoder, DecoderFacts, str]] = {}

    def of_task(self, task: Task, info: ModelInfo | GeneratorInfo) -> dict[str, Any]:
        """Return the fields of a cell that a denoiser's and a generator's have in common, but for the seed."""
        key = id(task), id(info)
        if key not in self._tasks:
            self._tasks[key] = task, info, _of_task(task, info)
        return self._tasks[key][2]

    def of_decoder(self, decoder: Decoder) -> tuple[DecoderFacts, str]:
        """Return a decoder's facts and its spec."""
        if id(decoder) not in self._decoders:
            facts = decoder.facts
            self._decoders[id(decoder)] = decoder, facts, decoder.spec_of(facts)
        return self._decoders[id(decoder)][1:]


def make_cell(
    info: ModelInfo,
    task: Task,
    decoder: Decoder,
    seed: int,
    cache: str | Cache = "none",
    aux: ModelInfo | None = None,
    spec: str | None = None,
    derived: Derived | None = None,
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
        derived: what other cells with this task or decoder have derived from them.
    """
    derived = derived or Derived()
    used = aux if aux is not None and "aux" in decoder.needs else None
    aux_name = "" if used is None else used.name
    (facts, decoder_spec), kept = derived.of_decoder(decoder), load_cache(cache)
    model = ModelFacts(spec or info.name, "law" in info.requires, info.tokenizer, info.layout, info.path, aux_name)
    return Cell(
        **derived.of_task(task, info),
        seed=seed,
        decoder=decoder_spec,
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
        **_of_task(task, info),
        seed=seed,
        decoder=info.decoder,
        canvas_length=info.max_tokens or task.max_new_tokens,
        decoder_facts=DecoderFacts(FAMILY, FAMILY, settings, speed={}, variant=settings, adaptive=False),
        model_facts=ModelFacts(spec or info.name),
    )


def _of_task(task: Task, info: ModelInfo | GeneratorInfo) -> dict[str, Any]:
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
        "task_spec": task.spec,
        "metrics": task.metrics,
    }
