"""Several listeners to the events of one run: the display, the sign of life, trackers, and a limit of the cost."""

from __future__ import annotations

from collections.abc import Sequence

from parallelbench.experiments.progress import Progress
from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record


class Several:
    """Hands each event to every listener, in the order in which they are given."""

    def __init__(self, listeners: Sequence[Progress]) -> None:
        self._listeners = tuple(listeners)

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        for one in self._listeners:
            one.planned(missing, samples)

    def cell_started(self, cell: Cell, missing: int) -> None:
        for one in self._listeners:
            one.cell_started(cell, missing)

    def sample_done(self, cell: Cell, record: Record) -> None:
        for one in self._listeners:
            one.sample_done(cell, record)

    def cell_done(self, cell: Cell) -> None:
        for one in self._listeners:
            one.cell_done(cell)

    def note(self, text: str) -> None:
        for one in self._listeners:
            one.note(text)
