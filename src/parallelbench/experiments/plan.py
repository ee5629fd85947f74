"""Expands a sweep into the cells to run. Models are described without loading weights, and mistakes are found before a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.contracts.handle import DenoiserHandle, GeneratorHandle, ModelHandle
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Decoder, caution, check_auxiliary, check_compatibility, check_law, load_cache, load_decoders
from parallelbench.errors import UserError
from parallelbench.experiments.canvas import CheckedSamples, with_room
from parallelbench.experiments.cell import Derived, make_cell, make_generator_cell
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.spec import Sweep
from parallelbench.experiments.task_specs import load_tasks
from parallelbench.metrics import resolve
from parallelbench.models.familiar import models_of, unfamiliar
from parallelbench.models.templates import WITHOUT_SYSTEM
from parallelbench.runs.cell import Cell
from parallelbench.sandbox import check_allowed
from parallelbench.schema import FIXED_SUITES
from parallelbench.tasks import Task


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell (one model, task, decoder and seed) and the objects that are needed to run it.

    Attributes:
        model: the key of the model in the `ModelPool`.
        decoder: None for a generator.
        indices: the indices of the samples to decode, in the task's seeded order (`Task.order`), cut at the limit.
        aux: the key of the auxiliary model in the pool; None where the decoder uses none.
        cautions: sentences that the user should read before the cell runs.
    """

    cell: Cell
    model: str
    task: Task
    decoder: Decoder | None
    indices: tuple[int, ...]
    aux: str | None = None
    cautions: tuple[str, ...] = ()


def plan(sweep: Sweep, pool: ModelPool) -> list[PlannedCell]:
    """Return the cells of a sweep, ordered by model, task, decoder and seed, each once.

    Raises:
        UserError: a name or an option is wrong, or a model, a task and a decoder cannot work together.
    """
    tasks = load_tasks(sweep)
    decoders = [decoder for spec in sweep.decoders for decoder in load_decoders(spec)]
    samples = CheckedSamples(sweep.seeds[0], sweep.limit)
    return distinct(planned for model in sweep.models for planned in cells_of(model, pool, tasks, decoders, sweep, samples))


def cells_of(
    requested: str,
    pool: ModelPool,
    tasks: Sequence[Task],
    decoders: Sequence[Decoder],
    sweep: Sweep,
    samples: CheckedSamples | None = None,
) -> Iterator[PlannedCell]:
    """Yield the cells of the requested model, and of the shipped models that replace it on tasks it was not trained for.

    Raises:
        UserError: as `plan`.
    """
    _check_scored(tasks)
    samples, derived = samples or CheckedSamples(sweep.seeds[0], sweep.limit), Derived()
    for key, part in models_of(requested, tasks).items():
        handle = pool.describe(key)
        _check_system(handle.info, part)
        if isinstance(handle, GeneratorHandle):
            yield from _generator_cells(key, handle, part, sweep)
            continue
        if not decoders:
            raise UserError(f"{handle.info.name} needs a decoder; name one, for example -d confidence:k=[1,2,4].")
        aux = _auxiliary(sweep, pool, handle, any("aux" in decoder.needs for decoder in decoders))
        for task in part:
            roomy, short = with_room(task, handle, samples, sweep.allow_short_canvas)
            found = [*handle.notes, _replaced(key, requested, task) or unfamiliar(handle.info, task), short]
            yield from _denoiser_cells(key, handle, roomy, decoders, sweep, aux, [note for note in found if note], derived)


def _replaced(key: str, requested: str, task: Task) -> str | None:
    """Return a sentence that another shipped model runs the task; None where the requested one does."""
    return f"{key}, which was trained for {task.name}, runs it in the place of {requested}." if key != requested else None


def _denoiser_cells(
    key: str,
    handle: DenoiserHandle,
    task: Task,
    decoders: Sequence[Decoder],
    sweep: Sweep,
    aux: ModelInfo | None,
    notes: Sequence[str],
    derived: Derived,
) -> Iterator[PlannedCell]:
    """Yield the cells of one denoiser on one task.

    Raises:
        UserError: the model cannot compute the law of the task, or cannot be combined with a decoder or a cache.
    """
    info = handle.info
    check_law(info, task.name, task.law)
    canvas = None if task.infill else task.max_new_tokens
    orders = {seed: tuple(task.order(seed)[: sweep.limit]) for seed in sweep.seeds}
    for decoder, cache in itertools.product(decoders, [load_cache(one) for one in sweep.cache]):
        check_compatibility(info, decoder, canvas, aux=aux is not None, cache=cache)
        uses = sweep.aux if "aux" in decoder.needs else None
        cautions = tuple(filter(None, [*notes, caution(info, decoder)]))
        for seed, indices in orders.items():
            cell = make_cell(info, task, decoder, seed, cache, aux, key, derived)
            yield PlannedCell(cell, key, task, decoder, indices, uses, cautions)


def _generator_cells(key: str, handle: GeneratorHandle, tasks: Sequence[Task], sweep: Sweep) -> Iterator[PlannedCell]:
    """Yield the cells of a generator. It decodes by itself, so the decoders of the sweep do not apply to it.

    Raises:
        UserError: a task has `infill` set, because a generator cannot be given a frame to fill in.
    """
    for task in tasks:
        if task.infill:
            raise UserError(f"{task.name} has a frame to fill in, which {handle.info.name} cannot be told; write infill=false.")
        for seed in sweep.seeds:
            cell, indices = make_generator_cell(handle.info, task, seed, key), tuple(task.order(seed)[: sweep.limit])
            yield PlannedCell(cell, key, task, None, indices, cautions=handle.notes)


def _auxiliary(sweep: Sweep, pool: ModelPool, model: ModelHandle, used: bool) -> ModelInfo | None:
    """Describe the auxiliary model of a sweep, or return None where it has none; `used`: some decoder needs one.

    Raises:
        UserError: the auxiliary model is a generator, or it is used and its vocabulary differs from the model's.
    """
    if sweep.aux is None:
        return None
    aux = pool.describe(sweep.aux)
    if isinstance(aux, GeneratorHandle):
        raise UserError(f"{aux.info.name} decodes in its own way and cannot be an auxiliary model; choose a denoiser.")
    if used and isinstance(model, DenoiserHandle):
        check_auxiliary(model, aux)
    return aux.info


def _check_system(info: ModelInfo | GeneratorInfo, tasks: Sequence[Task]) -> None:
    """Raise `UserError` for a task with a system prompt on a model whose chat template has no place for it."""
    if info.template in WITHOUT_SYSTEM and any(task.system for task in tasks):
        raise UserError(
            f"{info.name} has no chat template that takes a system prompt; leave system out, or run a model that has one."
        )


def _check_scored(tasks: Sequence[Task]) -> None:
    """Raise `UserError` for a task without a metric, or with one that lacks a library or the permission to run programs."""
    for task in tasks:
        if not task.metrics:
            raise UserError(f"'{task.name}' has no metric to score it by; choose another task.")
        for name in task.metrics:
            if resolve(name).runs_code:
                check_allowed(task.name)


def distinct(cells: Iterable[PlannedCell]) -> list[PlannedCell]:
    """Drop planned cells with an id that occurred before, and group the rest by model, so that each model is loaded once."""
    first: dict[str, PlannedCell] = {}
    for planned in cells:
        first.setdefault(planned.cell.id, planned)
    keys = list(dict.fromkeys(planned.model for planned in first.values()))
    return sorted(first.values(), key=lambda planned: keys.index(planned.model))


def notes(cells: Sequence[PlannedCell], limit: int | None) -> list[str]:
    """Return the sentences that the user should read before the plan runs, each once."""
    found = [shortfall(cells, limit), repetition(cells), *(note for planned in cells for note in planned.cautions)]
    return list(dict.fromkeys(note for note in found if note is not None))


def shortfall(cells: Sequence[PlannedCell], limit: int | None) -> str | None:
    """Return a sentence about the first task with fewer samples than the limit; None where there is no such task."""
    if limit is None:
        return None
    for planned in cells:
        if len(planned.indices) < limit:
            more = (
                "" if planned.cell.suite in FIXED_SUITES - {"hf"} else f"; write {planned.task.name}:samples={limit} for more"
            )
            return f"{planned.task.name} has {len(planned.indices)} samples, fewer than the limit of {limit}{more}."
    return None


def repetition(cells: Sequence[PlannedCell]) -> str | None:
    """Return a sentence about the first custom task in which several samples have the same question; None without one."""
    for planned in cells:
        if planned.cell.suite in ("custom", "questions"):
            questions = {planned.task.sample(planned.cell.seed, index).turns[-1].text for index in planned.indices}
            if len(questions) < len(planned.indices):
                return (
                    f"{planned.task.name} asks {len(questions)} different questions in {len(planned.indices)} samples; "
                    "comparisons count each question once, so give it more words or longer lists, or a smaller limit."
                )
    return None
