"""Runs the cells of a plan in this process, one after another. Another executor needs only the same signature."""

from __future__ import annotations

from collections.abc import Sequence

from parallelbench.contracts.generator import Generator
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.progress import Progress
from parallelbench.experiments.run import Remaining, remaining, run_cell
from parallelbench.experiments.sources import DenoiserSource, GeneratorSource
from parallelbench.runs.store import RunStore
from parallelbench.schema import BatchSize


def execute(works: Sequence[PlannedCell], store: RunStore, pool: ModelPool, batch_size: BatchSize, progress: Progress) -> None:
    """Run what is missing of every cell; a plan lists cells by model, so each model is loaded once.

    Raises:
        DamagedRun: a file of a cell is damaged (found before anything runs).
        UserError: a cell cannot be run or written.
    """
    todo = [remaining(work, store) for work in works]
    progress.planned([(one.work.cell, len(one.missing)) for one in todo], sum(len(work.indices) for work in works))
    for one in todo:
        if not one.missing:
            if not one.folder.is_done and one.folder.begun:
                one.folder.finish(one.work.cell, one.stored)
            continue
        progress.cell_started(one.work.cell, len(one.missing))
        _run(one, store, pool, batch_size, progress)
        progress.cell_done(one.work.cell)


def _run(todo: Remaining, store: RunStore, pool: ModelPool, batch_size: BatchSize, progress: Progress) -> None:
    """Run one cell. No name outside holds its model, so that the pool can let it go before it takes the next."""
    work, model = todo.work, pool.get(todo.work.model)
    if isinstance(model, Generator):
        run_cell(todo, GeneratorSource(work, model, batch_size), batch_size, store, progress)
    else:
        aux = None if work.aux is None else pool.auxiliary(work.aux)
        run_cell(todo, DenoiserSource(work, model, batch_size, aux), batch_size, store, progress)
