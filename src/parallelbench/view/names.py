"""The names of cells as the explorer shows and filters by them, and which cells have the same questions."""

from __future__ import annotations

from typing import NamedTuple

from parallelbench.analysis.names import name_cells
from parallelbench.report.sample_data import shown
from parallelbench.runs.cell import Cell, short_hash
from parallelbench.runs.folder import StoredRun
from parallelbench.schema import FIXED_SUITES


class CellNames(NamedTuple):
    """A cell in words.

    Attributes:
        id: of the cell.
        model, task, decoder: names that distinguish the cells of the run, cleaned.
        seed: of the cell.
        questions: the same for all cells of which the samples of one index have the same question.
    """

    id: str
    model: str
    task: str
    decoder: str
    seed: int
    questions: str


def names_of(run: StoredRun) -> list[CellNames]:
    """Return the names of each cell of a run, in its order."""
    named = zip(run.cells, name_cells(run), strict=True)
    return [
        CellNames(one.id, shown(name["model"]), shown(name["task"]), shown(name["decoder"]), one.cell.seed, _key(one.cell))
        for one, name in named
    ]


def _key(cell: Cell) -> str:
    """Samples of data files are the same under every seed."""
    seed = 0 if cell.suite in FIXED_SUITES else cell.seed
    return short_hash([cell.suite, cell.task, cell.task_version, dict(cell.task_options), cell.fingerprint, cell.shots, seed])
