"""What a metric is: a named function of a sample and a text. The table of all of them, and `score`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from parallelbench.registry import Entry, Registry
from parallelbench.schema import Sample

_MODULE = "parallelbench.metrics"


@dataclass(frozen=True, slots=True)
class Metric:
    """A score in [0, 1]; `function` never raises on any text and takes time linear in it.

    `chance` is the expected score of a guesser who knows the format and the length of the answer and fills every free slot
    with an item of the prompt, uniformly and each slot on its own; None where no such guesser is defined.
    """

    name: str
    function: Callable[[Sample, str], float]
    chance: Callable[[Sample], float] | None = None
    higher_is_better: bool = True


_SUMMARIES = {
    "lists:list_exact": "the list is the expected one",
    "lists:list_shuffle": "the list is a permutation of the given one, and another",
    "lists:list_random_insert": "taking one new item away restores the given list",
    "lists:list_random_remove": "exactly one item is missing, the rest keeps its order",
    "lists:list_random_replace": "exactly one slot became the new item",
    "puzzles:latin_square": "every row and every column holds each symbol once",
    "puzzles:sudoku": "the grid is the puzzle's one solution",
}


def _entries(target: str, summary: str) -> dict[str, Entry]:
    module, _, name = target.partition(":")
    return {
        name: Entry(f"{_MODULE}.{module}:{name.upper()}", f"{summary}; lenient about format"),
        f"{name}_strict": Entry(f"{_MODULE}.{module}:{name.upper()}_STRICT", f"{summary}; in exactly the format asked for"),
    }


METRICS = Registry("metric", {k: v for target, summary in _SUMMARIES.items() for k, v in _entries(target, summary).items()})


def resolve(name: str) -> Metric:
    """Return the metric of this name.

    Raises:
        UnknownName: there is none; the message offers the nearest.
    """
    metric: Metric = METRICS.get(name).load()
    return metric


def score(sample: Sample, text: str, names: Iterable[str]) -> dict[str, float]:
    """Score a text under several metrics, in the order of `names`.

    Raises:
        UnknownName: one of the names is no metric.
    """
    return {name: resolve(name).function(sample, text) for name in names}
