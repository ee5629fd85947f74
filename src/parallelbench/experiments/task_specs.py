"""From the tasks that a sweep names to tasks: patterns expanded, names checked before anything heavy is imported."""

from __future__ import annotations

from fnmatch import fnmatchcase

from parallelbench.errors import UnknownName
from parallelbench.experiments.spec import Sweep
from parallelbench.metrics.grammar import is_clean
from parallelbench.tasks import SUITES, Task, load_task, task_names


def load_tasks(sweep: Sweep) -> list[Task]:
    """Make the tasks of a sweep, with `*` in names expanded."""
    options = {} if sweep.shots is None else {"shots": sweep.shots}
    names = [name for spec in sweep.tasks for name in expand(spec, sweep)]
    return [load_task(name, suite=sweep.suite, data_dir=sweep.data_dir, clean=is_clean, **options) for name in names]


def matching(spec: str, known: list[str]) -> list[str]:
    """Return the names of `known` that a name with `*` stands for, each with the options written behind it.

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


def expand(spec: str, sweep: Sweep) -> list[str]:
    """Return the tasks that a name with `*` stands for, each with the options written behind it.

    Raises:
        UnknownName: no task has such a name.
    """
    return matching(spec, task_names(sweep.suite, sweep.data_dir)) if "*" in spec.partition(":")[0] else [spec]


def task_again(spec: str, suite: str, data_dir: str | None) -> Task:
    """Make the task of a cell (`Cell.task_spec`, `Cell.suite`) again; a custom task is found by its file, not by its suite.

    Raises:
        UserError: it cannot be made, for example because its files are no longer there.
    """
    return load_task(spec, suite=suite if suite in SUITES else SUITES[0], data_dir=data_dir, clean=is_clean)
