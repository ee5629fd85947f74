"""Finds what two runs have in common: the settings that can be compared sample by sample, and why the others cannot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from parallelbench.analysis.names import name_cells
from parallelbench.runs.cell import Cell, short_hash
from parallelbench.runs.folder import StoredCell, StoredRun

By = Literal["same", "decoder", "model", "setting"]
"""What differs between the two sides: nothing that is named, the decoder, the model, or both."""
QUESTION = ("suite", "task", "task_version", "task_options", "fingerprint")
"""The fields of a cell that decide which questions it has."""
MODEL = ("model", "revision", "dtype", "template")
DECODER = ("decoder", "cache", "aux")
ALIKE: Mapping[By, tuple[str, ...]] = {
    "same": ("model", "decoder", "cache"),
    "decoder": (*MODEL, "shots", "canvas_length"),
    "model": ("decoder", "cache"),
    "setting": (),
}
"""The fields, beyond the questions, in which two settings must agree to be compared."""
VARIES: Mapping[By, tuple[str, ...]] = {
    "same": (*MODEL, "shots", "canvas_length", "aux"),
    "decoder": DECODER,
    "model": (*MODEL, "shots", "canvas_length", "aux"),
    "setting": (*MODEL, *DECODER, "shots", "canvas_length"),
}
"""The fields in which they may differ."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The cells of one run that differ in nothing but the seed.

    Attributes:
        cells: the stored cells.
        task: the name of the task.
        context: what both sides have in common by name, for example the model where decoders are compared.
        label: what is compared, for example the decoder with its options.
    """

    cells: tuple[StoredCell, ...]
    task: str
    context: str
    label: str

    @property
    def cell(self) -> Cell:
        """The first of its cells."""
        return self.cells[0].cell

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its cells."""
        return tuple(one.id for one in self.cells)


@dataclass(frozen=True, slots=True)
class NotComparable:
    """A setting that was left out of a comparison, and why."""

    what: str
    why: str


def matches(a: StoredRun, b: StoredRun, by: By) -> tuple[list[tuple[Setting, Setting]], list[NotComparable]]:
    """Return the settings of two runs that can be compared, and those that cannot, each with the reason.

    A setting is not compared with itself, unless nothing that is named may differ (`by` is "same"). If both runs hold two
    settings, they are compared once.
    """
    names = name_cells(StoredRun(a.folders + b.folders, a.cells + b.cells))
    left, right = _settings(a, names[: len(a.cells)], by), _settings(b, names[len(a.cells) :], by)
    found: dict[frozenset[tuple[str, ...]], tuple[Setting, Setting]] = {}
    refused: dict[frozenset[tuple[str, ...]], NotComparable] = {}
    used: set[tuple[str, ...]] = set()
    for one, other in ((x, y) for key, inside in left.items() for x, y in itertools.product(inside, right.get(key, ()))):
        if by != "same" and _key(one.cell, VARIES[by]) == _key(other.cell, VARIES[by]):
            continue
        used |= {one.ids, other.ids}
        both = frozenset({one.ids, other.ids})
        if why := _judged_unlike(one, other):
            refused[both] = NotComparable(f"{one.task}: {one.label} and {other.label}", why)
        else:
            found.setdefault(both, (one, other))
    sides = (("A", left, "B", right), ("B", right, "A", left))
    alone = [
        NotComparable(f"{here}: {setting.task}, {setting.label}", _why_alone(setting, list(_all(others)), by, there))
        for here, settings, there, others in sides
        for setting in _all(settings)
        if setting.ids not in used
    ]
    return list(found.values()), [*refused.values(), *alone]


def usual(a: StoredRun, b: StoredRun) -> By:
    """Return what to compare by if the user does not say: the first of same, decoder, model and setting that has a match."""
    kinds: tuple[By, ...] = ("same", "decoder", "model", "setting")
    return next((by for by in kinds if matches(a, b, by)[0]), "same")


def _settings(run: StoredRun, names: Sequence[Mapping[str, Any]], by: By) -> dict[str, list[Setting]]:
    """The settings of a run, by a hash of what both sides of a comparison must have in common."""
    groups: dict[tuple[str, str], list[tuple[StoredCell, Mapping[str, Any]]]] = {}
    for stored, named in zip(run.cells, names, strict=True):
        alike = _key(stored.cell, (*QUESTION, *ALIKE[by]))
        groups.setdefault((alike, _key(stored.cell, VARIES[by])), []).append((stored, named))
    found: dict[str, list[Setting]] = {}
    for (alike, _), members in groups.items():
        named = members[0][1]
        context, label = _named(by, members[0][0].cell, str(named["model"]), str(named["decoder"]))
        setting = Setting(tuple(stored for stored, _ in members), str(named["task"]), context, label)
        found.setdefault(alike, []).append(setting)
    return found


def _key(cell: Cell, fields: Sequence[str]) -> str:
    return short_hash([getattr(cell, name) for name in fields])


def _named(by: By, cell: Cell, model: str, decoder: str) -> tuple[str, str]:
    """What both sides have in common by name, and the name of what is compared."""
    if by == "decoder":
        kept = "" if cell.cache == "none" else f", {cell.cache} cache"
        return (model if cell.cache == "none" else cell.model), decoder + kept
    return (decoder, model) if by == "model" else ("", f"{model}, {decoder}")


def _all(settings: Mapping[str, list[Setting]]) -> Iterator[Setting]:
    return itertools.chain.from_iterable(settings.values())


def _judged_unlike(one: Setting, other: Setting) -> str:
    """Why the scores of two settings mean different things; empty where they mean the same."""
    metric, another = one.cell.metrics[0], other.cell.metrics[0]
    if metric != another:
        return f"one is scored by {metric}, the other by {another}"
    ways = [sorted({file.backends.get(metric, "") for stored in side.cells for file in stored.files}) for side in (one, other)]
    if ways[0] != ways[1]:
        return f"{metric} was computed by {' and '.join(ways[0])} in one, by {' and '.join(ways[1])} in the other"
    return ""


def _why_alone(setting: Setting, others: Sequence[Setting], by: By, there: str) -> str:
    """Why a setting has no counterpart among the settings of the other run."""
    same_task = [one for one in others if one.cell.suite == setting.cell.suite and one.cell.task == setting.cell.task]
    if not same_task:
        return f"{there} has no samples of this task"
    fields = _fewest(setting, same_task, QUESTION)
    if fields:
        return f"the questions are others in {there}: {fields}"
    same_questions = [one for one in same_task if _key(one.cell, QUESTION) == _key(setting.cell, QUESTION)]
    fields = _fewest(setting, same_questions, ALIKE[by])
    return f"{there} has it only with another {fields}" if fields else f"{there} has it with nothing else to compare it with"


def _fewest(setting: Setting, others: Sequence[Setting], fields: Sequence[str]) -> str:
    """The fields, with both values, in which the most similar of several settings differs; empty where one differs in none."""
    unlike = [
        [(name, getattr(setting.cell, name), getattr(one.cell, name)) for name in fields if _differ(setting, one, name)]
        for one in others
    ]
    return ", ".join(f"{name.replace('_', ' ')} ({_short(x)}, there {_short(y)})" for name, x, y in min(unlike, key=len))


def _differ(one: Setting, other: Setting, field: str) -> bool:
    return bool(getattr(one.cell, field) != getattr(other.cell, field))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
