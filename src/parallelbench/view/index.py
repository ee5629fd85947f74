"""What the explorer knows of all samples of a run. `Reader` fills it and keeps it up to date, everything else reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from parallelbench.clean import for_message
from parallelbench.runs.cell_folder import CellFolder
from parallelbench.runs.folder import CELLS, StoredCell, StoredRun
from parallelbench.view.names import CellNames, names_of
from parallelbench.view.rows import Rows

MOST_FAULTS = 100
LONGEST_FAULT = 500
NOT_COMPUTED = 0
"""The number of the set of reasons of samples for which no reasons were computed."""


@dataclass(slots=True)
class Index:
    """All samples of one run folder, or of several that are read as one.

    Attributes:
        run: the cells that have been begun, with their small files.
        names: the cells by number, which is what rows name them by; a cell keeps its number.
        rows: the samples.
        reasons: the sets of reasons by number.
        faults: sentences about what could not be read.
        version: grows with each change.
        whole: whether everything on disk has been read once.
        running: whether a call on one of the folders goes on.
    """

    run: StoredRun
    names: list[CellNames] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)
    reasons: list[tuple[str, ...]] = field(default_factory=lambda: [()])
    faults: list[str] = field(default_factory=list)
    version: int = 0
    whole: bool = False
    running: bool = False
    _codes: dict[str, int] = field(default_factory=dict)
    _stored: dict[str, StoredCell] = field(default_factory=dict)
    _sets: dict[tuple[str, ...], int] = field(default_factory=dict)

    def set_run(self, run: StoredRun) -> None:
        """Replace the run by one with more cells."""
        names = dict(enumerate(self.names))
        for one in names_of(run):
            names[self._codes.setdefault(one.id, len(self._codes))] = one
        self.names, self.run = list(names.values()), run
        self._stored = {one.id: one for one in run.cells}
        self.version += 1

    def code_of(self, cell: str) -> int | None:
        """The number of a cell by its id; None where there is no such cell."""
        return self._codes.get(cell)

    def stored(self, cell: str) -> StoredCell | None:
        """A cell by its id; None where there is no such cell."""
        return self._stored.get(cell)

    def folder(self, place: int, cell: str) -> CellFolder:
        """Where a cell lies in the run folder of this place."""
        return CellFolder(self.run.folders[place].path / CELLS / cell)

    def number_of(self, reasons: Sequence[str]) -> int:
        """The number of a set of reasons, which is added where it is new."""
        key = tuple(reasons)
        if key not in self._sets:
            self.reasons.append(key)
            self._sets[key] = len(self.reasons) - 1
        return self._sets[key]

    def say(self, fault: str) -> None:
        """Remember what could not be read, the first 100 sentences."""
        sentence = for_message(fault[:LONGEST_FAULT])
        if sentence not in self.faults and len(self.faults) < MOST_FAULTS:
            self.faults.append(sentence)
            self.version += 1
