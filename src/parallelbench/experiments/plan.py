"""From a spec to the cells that must be run, with every mistake found before anything runs or is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import Decoder, caution, check_auxiliary, check_compatibility, check_law, load_decoders
from parallelbench.errors import UnknownName, UserError
from parallelbench.experiments.cell import make_cell, make_generator_cell
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.spec import Sweep
from parallelbench.metrics import resolve
from parallelbench.metrics.grammar import is_clean
from parallelbench.models.cards import CARDS
from parallelbench.runs.cell import Cell
from parallelbench.tasks import Task, load_task, task_names


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell with what is needed to run it: the model's key on the pool, the task, the decoder (None for a generator), the
    samples' indices, the key of the auxiliary model, and what the pair may suffer from."""

    cell: Cell
    model: str
    task: Task
    decoder: Decoder | None
    indices: tuple[int, ...]
    aux: str | None = None
    caution: str | None = None


def plan(sweep: Sweep, pool: ModelPool) -> list[PlannedCell]:
    """Resolve a sweep into its cells, ordered by model, task, decoder, seed.

    Raises:
        UserError: a name or an option is wrong, or a model and a decoder cannot work together.
    """
    tasks = load_tasks(sweep)
    decoders = [decoder for spec in sweep.decoders for decoder in load_decoders(spec)]
    return distinct(work for asked in sweep.models for work in of_model(asked, pool, tasks, decoders, sweep))


def of_model(
    asked: str, pool: ModelPool, tasks: Sequence[Task], decoders: Sequence[Decoder], sweep: Sweep
) -> Iterator[PlannedCell]:
    """Yield the cells of the model that was asked for, and of those that stand in for it.

    Raises:
        UserError: as `pair`; or a model or the auxiliary one cannot be loaded.
    """
    for key, share in stand_ins(asked, tasks).items():
        aux = auxiliary(sweep, pool, key, asked=any("aux" in decoder.needs for decoder in decoders))
        yield from pair(key, pool.get(key).info, share, decoders, sweep, aux, asked)


def stand_ins(asked: str, tasks: Sequence[Task]) -> dict[str, list[Task]]:
    """Share out the tasks: where a shipped model is asked for by its name, the one that was trained for a task runs it."""
    shares: dict[str, list[Task]] = {}
    for task in tasks:
        card = CARDS.get(asked)
        trained = [asked] if card is None or card.knows(task.name) else [*trained_for(task), asked]
        shares.setdefault(trained[0], []).append(task)
    return shares


def trained_for(task: Task) -> list[str]:
    """The shipped models that were trained for a task."""
    return [card.name for card in CARDS.values() if card.tasks and task.suite == "ours" and card.knows(task.name)]


def auxiliary(sweep: Sweep, pool: ModelPool, key: str, asked: bool) -> ModelInfo | None:
    """Describe the auxiliary model of a sweep; `asked` says whether any decoder asks it.

    Raises:
        UserError: it cannot be loaded, or it is asked and has another vocabulary than the model.
    """
    if sweep.aux is None:
        return None
    model, aux = pool.get(key), pool.beside(sweep.aux)
    if asked and isinstance(model, Denoiser):
        check_auxiliary(model, aux)
    return aux.info


def pair(
    key: str,
    info: ModelInfo | GeneratorInfo,
    tasks: Sequence[Task],
    decoders: Sequence[Decoder],
    sweep: Sweep,
    aux: ModelInfo | None = None,
    asked: str | None = None,
) -> Iterator[PlannedCell]:
    """Yield the cells of one model, which may stand in for the one that was `asked` for; a generator decodes in its own way,
    whatever the decoders.

    Raises:
        UserError: the task cannot be scored, or the model and a decoder cannot work together.
    """
    check_scored(tasks)
    if isinstance(info, GeneratorInfo):
        yield from own(key, info, tasks, sweep.seeds, sweep.limit)
        return
    if not decoders:
        raise UserError(f"{info.name} needs a decoder; name one, for example -d confidence:k=[1,2,4].")
    for task in tasks:
        check_law(info, task.name, task.law)
        note = unfamiliar(info, task)
        if asked not in (None, key):
            note = f"{info.name}, which was trained for {task.name}, stands in for {asked} there."
        for decoder, cache in itertools.product(decoders, sweep.cache):
            check_compatibility(info, decoder, None if task.infill else task.max_new_tokens, aux=aux is not None, cache=cache)
            beside = sweep.aux if "aux" in decoder.needs else None
            for seed in sweep.seeds:
                cell, indices = make_cell(info, task, decoder, seed, cache, aux, key), tuple(task.order(seed)[: sweep.limit])
                yield PlannedCell(cell, key, task, decoder, indices, beside, note or caution(info, decoder))


def unfamiliar(info: ModelInfo, task: Task) -> str | None:
    """Say that a small model was trained for other tasks, and which model for this one; None where it was not."""
    card = CARDS.get(info.name)
    if card is None or not card.tasks or (task.suite == "ours" and card.knows(task.name)):
        return None
    others = trained_for(task)
    advice = f"; use -m {others[0]}" if others else ""
    which = task.name if task.suite == "ours" else f"{task.name} of the suite {task.suite}"
    return f"{info.name} was not trained for {which}, so a wrong answer there is the model's fault{advice}."


def own(key: str, info: GeneratorInfo, tasks: Sequence[Task], seeds: Sequence[int], limit: int | None) -> Iterator[PlannedCell]:
    """Yield the cells of a generator.

    Raises:
        UserError: a task gives a frame to fill in, which cannot be said to a generator.
    """
    for task in tasks:
        if task.infill:
            raise UserError(f"{task.name} gives a frame to fill in, which {info.name} cannot be given; write infill=false.")
        for seed in seeds:
            yield PlannedCell(make_generator_cell(info, task, seed, key), key, task, None, tuple(task.order(seed)[:limit]))


def check_scored(tasks: Sequence[Task]) -> None:
    """Refuse a task that cannot be scored.

    Raises:
        UserError: it has no metric.
        MissingExtra: a metric needs a library that is not installed.
    """
    for task in tasks:
        if not task.metrics:
            raise UserError(f"'{task.name}' has no metric to score it by; choose another task.")
        for name in task.metrics:
            resolve(name)


def distinct(works: Iterable[PlannedCell]) -> list[PlannedCell]:
    """Keep the first of works that name the same cell."""
    first: dict[str, PlannedCell] = {}
    for work in works:
        first.setdefault(work.cell.id, work)
    return list(first.values())


def load_tasks(sweep: Sweep) -> list[Task]:
    """Make the tasks of a sweep, with `*` in names expanded."""
    options = {} if sweep.shots is None else {"shots": sweep.shots}
    names = [name for spec in sweep.tasks for name in expand(spec, sweep)]
    return [load_task(name, suite=sweep.suite, data_dir=sweep.data_dir, clean=is_clean, **options) for name in names]


def expand(spec: str, sweep: Sweep) -> list[str]:
    """Return the tasks that a name with `*` stands for, each with the options written behind it.

    Raises:
        UnknownName: no task has such a name.
    """
    pattern, colon, options = spec.partition(":")
    if "*" not in pattern:
        return [spec]
    known = task_names(sweep.suite, sweep.data_dir)
    names = [name for name in known if fnmatchcase(name, pattern)]
    if not names:
        raise UnknownName("task", pattern, known)
    return [name + colon + options for name in names]


def notes(works: Sequence[PlannedCell], limit: int | None) -> list[str]:
    """What the user should know of a plan before it runs, each said once."""
    said = [shortfall(works, limit), repetition(works), *(work.caution for work in works)]
    return list(dict.fromkeys(note for note in said if note is not None))


def shortfall(works: Sequence[PlannedCell], limit: int | None) -> str | None:
    """Say where a task has fewer samples than the limit asks for; None where none has."""
    if limit is None:
        return None
    for work in works:
        if len(work.indices) < limit:
            more = "" if work.cell.suite == "official" else f"; write {work.task.name}:samples={limit} for more"
            return f"{work.task.name} has {len(work.indices)} samples, fewer than the limit of {limit}{more}."
    return None


def repetition(works: Sequence[PlannedCell]) -> str | None:
    """Say where a task in a user's words asks the same question several times; None where none does."""
    for work in works:
        if work.cell.suite == "custom":
            asked = {work.task.sample(work.cell.seed, index).turns[-1].text for index in work.indices}
            if len(asked) < len(work.indices):
                return (
                    f"{work.task.name} asks {len(asked)} different questions in {len(work.indices)} samples; comparisons count "
                    "each question once, so give it more words or longer lists, or a smaller limit."
                )
    return None
