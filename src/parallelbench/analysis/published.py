"""What the paper published for the tasks, decoders and settings of a run, and how our results differ from it.

A published number is compared with a cell if model, task, decoder, setting and cache are the same. A model that was never
published is shown with the numbers of LLaDA 1.5, the paper's main model: they show the shape of a curve, and no difference is
computed between two models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.names import name_cells
from parallelbench.analysis.stats import Interval, wilson
from parallelbench.paper import figure_numbers, published, samples_of
from parallelbench.paper.names import MODELS, SAME_TASK
from parallelbench.runs.cell import Cell
from parallelbench.runs.folder import StoredRun
from parallelbench.specs import parse

STAND_INS = ("llada-1.5", "LLaDA-1.5 fine-tuned")
"""The published models that are shown with a model that was never published; the first that has the task."""
LABELS = {model.name: model.label for model in MODELS.values()}
NOT_THE_QUESTION = frozenset({"samples", "shots", "wording", "system", "names", "max_new_tokens"})
"""Options of a task that are not compared: our wordings, names and demonstrations differ from the paper's anyway."""
BUILTIN = "builtin"
"""The decoder of a generator, which decodes by itself."""
POINT = ["model", "suite", "task", "decoder", "family", "of", "other", "tokens_per_step", "accuracy", "n", "source"]
COMPARED = [
    "model", "task", "decoder", "n", "accuracy", "low", "high", "tokens_per_step", "published", "published_tokens_per_step",
    "difference", "difference_low", "difference_high", "inside", "source",
]  # fmt: skip


class Key(NamedTuple):
    """What a published number and a cell have in common, but for the decoder."""

    model: str
    task: str
    options: frozenset[tuple[str, str]]
    cache: str


class Number(NamedTuple):
    """A published number: the decoder's family and the parameters that were set, speed, accuracy and source."""

    family: str
    parameters: Mapping[str, Any]
    spec: str
    tokens_per_step: float
    accuracy: float
    source: str


def published_points(run: StoredRun) -> pd.DataFrame:
    """Return the published points of every model, task and decoder of a run, whether a decoder ran at that speed or not.

    `model`, `task` and `family` are the names in the run; `decoder` is the published setting, `of` the published model, and
    `other` says that it is another than ours.
    """
    rows = {}
    for cell, names in zip((stored.cell for stored in run.cells), name_cells(run), strict=True):
        found = _numbers_for(cell)
        for number in found.numbers:
            if _same_curve(cell, number):
                key = (names["model"], cell.suite, names["task"], names["family"], number.spec, found.of)
                rows[key] = {
                    **{name: names[name] for name in ("model", "task", "family")},
                    "suite": cell.suite,
                    "decoder": number.spec,
                    "of": LABELS.get(found.of, found.of),
                    "other": found.other,
                    "tokens_per_step": number.tokens_per_step,
                    "accuracy": number.accuracy,
                    "n": samples_of(cell.task),
                    "source": number.source,
                }
    return pd.DataFrame(list(rows.values()), columns=POINT)


def compared(run: StoredRun, points: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each of our points that the paper published with the same model: ours, published, and the difference.

    The interval of the difference is Newcombe's for two independent samples, ours of `n` and the paper's (`paper.samples_of`);
    `inside` says that it holds 0. The difference is also one of prompts, unless the suite is `official`.
    """
    cells = {
        (names["model"], stored.cell.suite, names["task"], names["decoder"]): stored.cell
        for stored, names in zip(run.cells, name_cells(run), strict=True)
    }
    rows = []
    for point in as_rows(points):
        cell = cells[point["model"], point["suite"], point["task"], point["decoder"]]
        rows += [_compared(point, number, samples_of(cell.task)) for number in published_numbers(cell)]
    return pd.DataFrame(rows, columns=COMPARED)


def published_numbers(cell: Cell) -> list[Number]:
    """Return what the paper published for the model, task, setting and cache of a cell: nothing, or one number."""
    found = _numbers_for(cell)
    return [] if found.other else [one for one in found.numbers if _same_setting(cell, one)]


def _compared(point: Mapping[str, Any], number: Number, samples: int) -> dict[str, Any]:
    theirs = wilson(number.accuracy * samples, samples)
    ours = Interval(point["low"], point["high"])
    low, high = independent_difference(point["accuracy"], ours, number.accuracy, theirs)
    return {
        **{name: point[name] for name in COMPARED[:8]},
        "published": number.accuracy,
        "published_tokens_per_step": number.tokens_per_step,
        "difference": point["accuracy"] - number.accuracy,
        "difference_low": low,
        "difference_high": high,
        "inside": low <= 0 <= high,
        "source": number.source,
    }


def independent_difference(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval:
    """Return Newcombe's interval (method 10) of a - b for two independent samples, from the interval of each."""
    low = a - b - math.hypot(a - of_a.low, of_b.high - b)
    return Interval(low, a - b + math.hypot(of_a.high - a, b - of_b.low))


class _Found(NamedTuple):
    numbers: list[Number]
    of: str
    other: bool


def _numbers_for(cell: Cell) -> _Found:
    """The published numbers of a cell's model and task; of a stand-in where the model has none of any task."""
    task, options = _question(cell.task_spec)
    model = cell.model.rpartition("/")[2]
    known = _by_model()
    names = (model,) if model in known or cell.model_facts.exact else STAND_INS
    for name in names:
        numbers = known.get(name, {}).get(Key(name, SAME_TASK.get(task, task), options, cell.cache.partition(":")[0]))
        if numbers:
            return _Found(numbers, name, name != model)
    return _Found([], names[0], names[0] != model)


def _same_curve(cell: Cell, number: Number) -> bool:
    """Whether a published decoder differs from a cell's at most in what sets its speed."""
    facts = cell.decoder_facts
    others = [(key, value) for key, value in number.parameters.items() if key not in facts.speed]
    return facts.family == number.family and all(facts.parameters.get(key) == value for key, value in others)


def _same_setting(cell: Cell, number: Number) -> bool:
    """Whether a cell's decoder has every parameter of a published one, and nothing else that differs from a default.

    A generator decodes by itself, so its settings are not compared.
    """
    facts = cell.decoder_facts
    same = all(facts.parameters.get(key) == value for key, value in number.parameters.items())
    others = set() if number.family == BUILTIN else facts.variant.keys() - number.parameters.keys() - {"ties"}
    return facts.family == number.family and same and not others


@cache
def _by_model() -> Mapping[str, Mapping[Key, list[Number]]]:
    """All published numbers; where the page and a table of the paper both have a setting, the page's number of its run."""
    found: dict[str, dict[Key, list[Number]]] = {}
    for key, number in _all():
        numbers = found.setdefault(key.model, {}).setdefault(key, [])
        if number.spec not in {one.spec for one in numbers}:
            numbers.append(number)
    return found


def _all() -> Iterator[tuple[Key, Number]]:
    for row in as_rows(published()):
        task, options = _question(row["task"])
        yield Key(row["model"], task, options, "none"), _number(row["spec"], row)
    for row in as_rows(figure_numbers()):
        task, options = _question(row["task"])
        yield Key(row["model"], task, options, row["cache"]), _number(row["decoder"], row)


def _number(spec: str, row: Mapping[str, Any]) -> Number:
    family, parameters = _parsed(spec)
    return Number(family, parameters, spec, row["tokens_per_step"], row["accuracy"], row["source"])


@lru_cache(4096)
def _parsed(spec: str) -> tuple[str, Mapping[str, Any]]:
    return parse(spec)


@lru_cache(4096)
def _question(spec: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """A task's name, and its options in a form that can be compared."""
    name, options = parse(spec)
    return name, frozenset((key, repr(value)) for key, value in options.items() if key not in NOT_THE_QUESTION)
