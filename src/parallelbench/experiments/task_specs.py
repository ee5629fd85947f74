"""From the tasks that a sweep names to tasks: patterns expanded, names checked before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from parallelbench.errors import UnknownName, UserError
from parallelbench.experiments.spec import Sweep
from parallelbench.metrics.grammar import is_clean
from parallelbench.specs import parse, render
from parallelbench.tasks import SUITES, Task, load_task, task_names
from parallelbench.tasks.wordings import WORDINGS

ALL = "all"
"""Stands for every wording."""


def load_tasks(sweep: Sweep) -> list[Task]:
    """Make the tasks of a sweep, with `*` in names expanded, each in the sweep's wordings and with its system prompts.

    Raises:
        UserError: a name or an option is wrong, or wordings are named and no task has any.
    """
    wordings = wordings_of(sweep)
    names = expand(sweep.tasks, sweep)
    found: list[Task] = []
    worded = False
    for name in (_with(name, {"system": text} if text else {}) for name in names for text in sweep.system or ("",)):
        task = _load(name, sweep)
        varied = bool(wordings) and "wording" in type(task).model_fields and "wording" not in task.model_fields_set
        worded = worded or varied
        found += [_load(_with(name, {"wording": one}), sweep) for one in wordings] if varied else [task]
    if wordings and not worded:
        raise UserError("no task here has several wordings, or each names its own; leave wording out.")
    return found


def wordings_of(sweep: Sweep) -> tuple[str, ...]:
    """Return the wordings that a sweep names, each once.

    Raises:
        UnknownName: there is no such wording.
    """
    for one in sweep.wording:
        if one not in (*WORDINGS, ALL):
            raise UnknownName("wording", one, (*WORDINGS, ALL))
    return WORDINGS if ALL in sweep.wording else tuple(dict.fromkeys(sweep.wording))


def _with(spec: str, options: Mapping[str, str]) -> str:
    """A task's spec with options that it does not name itself."""
    name, given = parse(spec)
    return render(name, {**options, **given}) if options else spec


def _load(spec: str, sweep: Sweep) -> Task:
    options = {} if sweep.shots is None else {"shots": sweep.shots}
    return load_task(spec, suite=sweep.suite, data_dir=sweep.data_dir, clean=is_clean, **options)


def matching(spec: str, known: list[str]) -> list[str]:
    """Return the names of `known` that match a name with `*`, each with the options that follow it in the spec.

    Raises:
        UnknownName: none of them matches.
    """
    pattern, colon, options = spec.partition(":")
    if "*" not in pattern:
        return [spec]
    names = [name for name in known if fnmatchcase(name, pattern)]
    if not names:
        raise UnknownName("task", pattern, known)
    return [name + colon + options for name in names]


def expand(specs: Sequence[str], sweep: Sweep) -> list[str]:
    """Return the tasks that match names with `*`, each with the options that follow it in its spec.

    Raises:
        UnknownName: no task has such a name.
    """
    patterns = any("*" in spec.partition(":")[0] for spec in specs)
    known = task_names(sweep.suite, sweep.data_dir) if patterns else []  # once: it reads about every installed package
    return [name for spec in specs for name in matching(spec, known)]


def task_again(spec: str, suite: str, data_dir: str | None) -> Task:
    """Make the task of a cell (`Cell.task_spec`, `Cell.suite`) again; a custom task is found by its file, not by its suite.

    Raises:
        UserError: it cannot be made, for example because its files are no longer there.
    """
    return load_task(spec, suite=suite if suite in SUITES else SUITES[0], data_dir=data_dir, clean=is_clean)
