"""Decodes and scores samples with models in this process; every executor does it here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from parallelbench.contracts.generator import Generator
from parallelbench.experiments.executors.events import CellOpened, SampleDone
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.records import hash_of, make_row
from parallelbench.experiments.sources import DenoiserSource, GeneratorSource, Source
from parallelbench.metrics import backends
from parallelbench.schema import BatchSize


class Worker:
    """Holds one model at a time.

    Args:
        pool: where models come from.
        batch_size: samples in flight at once; it changes no record.
    """

    def __init__(self, pool: ModelPool, batch_size: BatchSize) -> None:
        self.pool, self.batch_size = pool, batch_size

    def run(self, work: PlannedCell, indices: Sequence[int]) -> Iterator[CellOpened | SampleDone]:
        """Open a cell and decode some of its samples; each is yielded as it finishes, in no particular order.

        The records depend on nothing but the cell, `seconds` aside.

        Raises:
            UserError: the model cannot be loaded, a prompt does not fit, or the model cannot go on.
        """
        source = self._source(work)
        yield CellOpened(
            work.cell.id, source.device, source.details(), hash_of(source.first_prompt()), backends(work.task.metrics)
        )
        for decoded in source.decode(indices):
            yield SampleDone(*make_row(decoded, work.task.metrics, work.cell.id))

    def _source(self, work: PlannedCell) -> Source:
        """No name outside holds its model, so that the pool can release it before it loads the next."""
        model = self.pool.get(work.model)
        if isinstance(model, Generator):
            return GeneratorSource(work, model, self.batch_size)
        aux = None if work.aux is None else self.pool.auxiliary(work.aux)
        return DenoiserSource(work, model, self.batch_size, aux)
