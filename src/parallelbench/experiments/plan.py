"""From a spec to the cells that must be run, with every mistake found before anything runs or is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from parallelbench.decoding import Decoder, check_law, check_pair, load_decoders
from parallelbench.errors import UnknownName, UserError
from parallelbench.experiments.cell import Cell, make_cell
from parallelbench.experiments.shelf import Shelf
from parallelbench.experiments.spec import Sweep
from parallelbench.models.base import ModelInfo
from parallelbench.tasks import TASKS, Task, load_task, official_tasks


@dataclass(frozen=True, slots=True)
class Work:
    """A cell with what is needed to run it: the model's key on the shelf, the task, the decoder, the samples' indices."""

    cell: Cell
    model: str
    task: Task
    decoder: Decoder
    indices: tuple[int, ...]


def plan(sweep: Sweep, shelf: Shelf) -> list[Work]:
    """Resolve a sweep into its cells, ordered by model, task, decoder, seed.

    Raises:
        UserError: a name or an option is wrong, or a model and a decoder cannot work together.
    """
    tasks = load_tasks(sweep)
    decoders = [decoder for spec in sweep.decoders for decoder in load_decoders(spec)]
    works = (work for key in sweep.models for work in pair(key, shelf.get(key).info, tasks, decoders, sweep.seeds, sweep.limit))
    return distinct(works)


def pair(
    key: str, info: ModelInfo, tasks: Sequence[Task], decoders: Sequence[Decoder], seeds: Sequence[int], limit: int | None
) -> Iterator[Work]:
    """Yield the cells of one model.

    Raises:
        UserError: the task cannot be scored, or the model and a decoder cannot work together.
    """
    for task in tasks:
        if not task.metrics:
            raise UserError(f"'{task.name}' has no metric to score it by; choose another task.")
        check_law(info, task.name, task.law)
        for decoder in decoders:
            check_pair(info, decoder, task.max_new_tokens)
            for seed in seeds:
                yield Work(make_cell(info, task, decoder, seed), key, task, decoder, tuple(task.order(seed)[:limit]))


def distinct(works: Iterable[Work]) -> list[Work]:
    """Keep the first of works that name the same cell."""
    first: dict[str, Work] = {}
    for work in works:
        first.setdefault(work.cell.id, work)
    return list(first.values())


def load_tasks(sweep: Sweep) -> list[Task]:
    """Make the tasks of a sweep, with `*` in names expanded."""
    options = {} if sweep.shots is None else {"shots": sweep.shots}
    names = [name for spec in sweep.tasks for name in expand(spec, sweep)]
    return [load_task(name, suite=sweep.suite, data_dir=sweep.data_dir, **options) for name in names]


def expand(spec: str, sweep: Sweep) -> list[str]:
    """Return the tasks that a name with `*` stands for, each with the options written behind it.

    Raises:
        UnknownName: no task has such a name.
    """
    pattern, colon, options = spec.partition(":")
    if "*" not in pattern:
        return [spec]
    official = sweep.suite == "official" and sweep.data_dir is not None
    known = official_tasks(sweep.data_dir) if official and sweep.data_dir else TASKS.names()
    names = [name for name in known if fnmatchcase(name, pattern)]
    if not names:
        raise UnknownName("task", pattern, known)
    return [name + colon + options for name in names]


def shortfall(works: Sequence[Work], limit: int | None) -> str | None:
    """Say where a task has fewer samples than the limit asks for; None where none has."""
    if limit is None:
        return None
    for work in works:
        if len(work.indices) < limit:
            more = "" if work.cell.suite == "official" else f"; write {work.task.name}:samples={limit} for more"
            return f"{work.task.name} has {len(work.indices)} samples, fewer than the limit of {limit}{more}."
    return None
