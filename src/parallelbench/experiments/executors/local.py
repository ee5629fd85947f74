"""Runs the cells of a plan in this process, one after another."""

from __future__ import annotations

from collections.abc import Sequence

from parallelbench.experiments.executors.events import CellMeasured, CellOpened, CellStarted, CellTodo, Events
from parallelbench.experiments.executors.worker import Worker
from parallelbench.experiments.meter import Meter
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.schema import BatchSize


class LocalExecutor:
    """One worker in this process. A plan lists cells by model, so each model is loaded once."""

    def __init__(self, pool: ModelPool, batch_size: BatchSize) -> None:
        self._worker, self._meter = Worker(pool, batch_size), Meter()

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        """Decode cell by cell (`Executor.execute`)."""
        for one in todo:
            yield CellStarted(one.work.cell.id)
            yield from self._measured(one)

    def _measured(self, todo: CellTodo) -> Events:
        """Decode a cell, and say what it took of the machine before its last sample is handed over, which ends the cell."""
        done = 0
        for event in self._worker.run(todo.work, todo.missing):
            if isinstance(event, CellOpened):
                self._meter.start(event.device)
            else:
                done += 1
                self._meter.sample_done()
                if done == len(todo.missing):
                    yield CellMeasured(todo.work.cell.id, self._meter.stop())
            yield event
