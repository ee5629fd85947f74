"""Runs the cells of a plan in this process, one after another. Another executor needs only the same signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parallelbench.contracts.generator import Generator
from parallelbench.experiments.generation import run_generator_cell
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.progress import Progress
from parallelbench.experiments.run import missing_indices, run_cell
from parallelbench.runs.store import CellStore, RunStore


def execute(
    works: Sequence[PlannedCell],
    store: RunStore,
    pool: ModelPool,
    batch_size: int,
    origin: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Run what is missing of every cell; a plan lists cells by model, so each model is loaded once.

    Raises:
        UserError: a record line is damaged (found before anything runs), or a cell cannot be run or written.
    """
    todo = [(work, missing_indices(work, store.cell(work.cell))) for work in works]
    progress.planned(len(works), sum(len(work.indices) for work in works), sum(len(missing) for _, missing in todo))
    for work, missing in todo:
        cells = store.cell(work.cell)
        if not missing:
            cells.finish(len(cells.done_indices()))
            continue
        progress.cell_started(work.cell, len(missing))
        _run(work, missing, cells, pool, batch_size, origin, progress)
        progress.cell_done(work.cell)


def _run(
    work: PlannedCell, missing: Sequence[int], cells: CellStore, pool: ModelPool, batch_size: int, origin: Mapping[str, Any],
    progress: Progress,
) -> None:  # fmt: skip
    """Run one cell. No name outside holds its model, so that the pool can let it go before it takes the next."""
    model = pool.get(work.model)
    if isinstance(model, Generator):
        run_generator_cell(work, missing, cells, model, batch_size, origin, progress)
    else:
        aux = None if work.aux is None else pool.beside(work.aux)
        run_cell(work, missing, cells, model, batch_size, origin, progress, aux)
