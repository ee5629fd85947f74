"""Runs the cells of a plan in this process, one after another."""

from __future__ import annotations

from collections.abc import Sequence

from parallelbench.experiments.executors.events import CellStarted, CellTodo, Events
from parallelbench.experiments.executors.worker import Worker
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.schema import BatchSize


class LocalExecutor:
    """One worker in this process. A plan lists cells by model, so each model is loaded once."""

    def __init__(self, pool: ModelPool, batch_size: BatchSize) -> None:
        self._worker = Worker(pool, batch_size)

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        """Decode cell by cell (`Executor.execute`)."""
        for one in todo:
            yield CellStarted(one.work.cell.id)
            yield from self._worker.run(one.work, one.missing)
