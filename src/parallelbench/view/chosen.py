"""What the filters leave of all samples: the rows of one page, and how many samples every other choice would leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from parallelbench.analysis.failures import LABELS
from parallelbench.view.index import NOT_COMPUTED, Index
from parallelbench.view.query import NOT_COMPUTED_NAME, Query
from parallelbench.view.rows import Bools, rows_with

PAGE = 100
"""Samples of one page."""
MOST_OPTIONS = 500
"""Names of one filter that are listed, those with the most samples."""
KINDS = ("model", "task", "decoder")
Ints = npt.NDArray[np.int64]


class Chosen:
    """The rows of an index that a query chooses, as they are now."""

    def __init__(self, index: Index, query: Query) -> None:
        self.query = query
        self.snapshot = index.rows.snapshot()
        self.rows = self.snapshot.rows
        self._codes, self._reason = self.rows["cell"].copy(), self.rows["reason"].copy()
        self._names, self._reasons = list(index.names), list(index.reasons)  # after the rows, which refer to them
        self._order = {stored.id: place for place, stored in enumerate(index.run.cells)}
        self._right = self.rows["accuracy"] == 1.0
        self._masks = {"removed": self._codes >= 0}
        for kind in KINDS:
            if wanted := getattr(query, kind):
                self._masks[kind] = self._by_cell(getattr(one, kind) == wanted for one in self._names)
        if query.outcome:
            self._masks["outcome"] = self._right == (query.outcome == "right")
        if query.reason:
            self._masks["reason"] = self._with_reason(query.reason)
        if words := query.text.split():
            self._masks["text"] = rows_with(self.snapshot, words, self._masks["removed"])
        self.found = self._left()

    def _by_cell(self, values: Iterable[Any]) -> npt.NDArray[Any]:
        """The value of each row's cell; rows without a cell, which are left out, have the additional last one."""
        found: npt.NDArray[Any] = np.array([*values, 0])[self._codes]
        return found

    def _with_reason(self, wanted: str) -> Bools:
        chosen = [wanted in labels for labels in self._reasons]
        chosen[NOT_COMPUTED] = wanted == NOT_COMPUTED_NAME
        found: Bools = np.array(chosen, dtype=np.bool_)[self._reason]
        return found

    def _left(self, without: str = "") -> Bools:
        """The rows that all filters leave, or all but one."""
        left: Bools = np.logical_and.reduce([mask for name, mask in self._masks.items() if name != without])
        return left

    @property
    def right(self) -> int:
        """How many of the chosen samples are right."""
        return int((self.found & self._right).sum())

    def page(self) -> list[int]:
        """The row numbers of one page of the chosen samples, in the order that the query asks for."""
        places = np.flatnonzero(self.found)
        index, cell = self.rows["index"][places], self._ranks()[places]
        keys: dict[str, tuple[Any, ...]] = {
            "": (index, cell),
            "question": (cell, index, self._questions()[places]),
            "fast": (index, cell, -self.rows["speed"][places]),
            "slow": (index, cell, self.rows["speed"][places]),
        }
        order = np.lexsort(keys[self.query.order])
        found: list[int] = places[order[self.query.offset : self.query.offset + PAGE]].tolist()
        return found

    def _ranks(self) -> Ints:
        """The place of each row's cell in the run."""
        return self._by_cell(self._order.get(one.id, len(self._order)) for one in self._names)

    def _questions(self) -> Ints:
        """For each row a number that is the same for cells with the same questions, tasks one after another."""
        ordered = sorted(self._names, key=lambda one: self._order.get(one.id, len(self._order)))
        tasks = {task: place for place, task in enumerate(dict.fromkeys(one.task for one in ordered))}
        numbers = {key: place for place, key in enumerate(dict.fromkeys(one.questions for one in ordered))}
        return self._by_cell(tasks[one.task] * len(numbers) + numbers[one.questions] for one in self._names)

    def options(self) -> dict[str, list[dict[str, Any]]]:
        """For each filter its values, each with the number of samples that it and the other filters would leave."""
        right = self._left("outcome") & self._right
        wrong = self._left("outcome") & ~self._right
        counted = {
            **{kind: self._counts_of(kind) for kind in KINDS},
            "outcome": {"right": int(right.sum()), "wrong": int(wrong.sum())},
            "reason": self._counts_of_reasons(),
        }
        return {name: _listed(counts, getattr(self.query, name)) for name, counts in counted.items()}

    def _counts_of(self, kind: str) -> dict[str, int]:
        counts = np.bincount(self._codes[self._left(kind)], minlength=len(self._names)).tolist()
        found: dict[str, int] = {}
        for one, count in sorted(zip(self._names, counts, strict=True), key=lambda both: self._order.get(both[0].id, 0)):
            found[getattr(one, kind)] = found.get(getattr(one, kind), 0) + count
        return found

    def _counts_of_reasons(self) -> dict[str, int]:
        counts = np.bincount(self._reason[self._left("reason")], minlength=len(self._reasons)).tolist()
        found = dict.fromkeys(LABELS, 0)
        for labels, count in zip(self._reasons, counts, strict=True):
            for label in labels:
                found[label] = found.get(label, 0) + count
        found[NOT_COMPUTED_NAME] = counts[NOT_COMPUTED]
        return {name: count for name, count in found.items() if count or name == self.query.reason}


def _listed(counts: Mapping[str, int], chosen: str) -> list[dict[str, Any]]:
    """The values of a filter in their order; of very many those with the most samples, and the one that is chosen."""
    most = set(sorted(counts, key=lambda value: counts[value], reverse=True)[:MOST_OPTIONS]) | {chosen}
    return [
        {"value": value, "label": LABELS.get(value, value), "count": count} for value, count in counts.items() if value in most
    ]
