"""What the suites of fixed samples share: the paper's data, public texts, and standard benchmarks.

Their options are few, and an option counts as set only where it differs from its default, so that a cell's identity does not
depend on how a default was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from parallelbench.errors import UserError, suggestion
from parallelbench.specs import render
from parallelbench.tasks.base import Question, Task


@dataclass(frozen=True, slots=True)
class Rows:
    """The questions of a data set, and the SHA-256 hash of what they hold."""

    name: str
    questions: tuple[Question, ...]
    digest: str


def spec_of(task: Task, defaults: Mapping[str, Any]) -> str:
    """A task's name with the options that differ from `defaults`, in their order."""
    return render(task.name, {key: getattr(task, key) for key, value in defaults.items() if getattr(task, key) != value})


def check_options(what: str, given: Iterable[str], options: Iterable[str], reason: str = "") -> None:
    """Check the names of options.

    Raises:
        UserError: `what` has no option of this name.
    """
    known = tuple(options)
    for key in given:
        if key not in known:
            raise UserError(f"{what} has no key '{key}'{reason}; {suggestion(key, known)}")
