"""A cell as names that travel between processes, from which a worker makes it again and checks that it is the same cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from platform import node

from parallelbench.contracts.generator import GeneratorInfo
from parallelbench.contracts.handle import GeneratorHandle
from parallelbench.decoding import load_decoder
from parallelbench.errors import UserError
from parallelbench.experiments.cell import make_cell, make_generator_cell
from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.task_specs import task_again


@dataclass(frozen=True, slots=True)
class Order:
    """The cell of a chunk, and the samples of it. `suite` and `data_dir` are where the task comes from."""

    cell_id: str
    model: str
    task: str
    suite: str
    data_dir: str | None
    decoder: str | None
    seed: int
    cache: str
    aux: str | None
    indices: tuple[int, ...]


def order_of(work: PlannedCell, chunk: Chunk, data_dir: Path | None) -> Order:
    """Return a chunk of a planned cell as an order."""
    cell = work.cell
    return Order(
        cell_id=cell.id,
        model=work.model,
        task=cell.task_spec,
        suite=cell.suite,
        data_dir=None if data_dir is None else str(data_dir),
        decoder=None if work.decoder is None else work.decoder.load_spec,
        seed=cell.seed,
        cache=cell.cache,
        aux=work.aux,
        indices=chunk.indices,
    )


class Planner:
    """Makes the cells of orders in the process of a worker, where each task and each decoder is made once."""

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool
        self._task = cache(task_again)
        self._decoder = cache(load_decoder)

    def plan(self, order: Order) -> PlannedCell:
        """Make the cell of an order from its names.

        Raises:
            UserError: a name cannot be used here, or the cell is another one here, because files or versions differ.
        """
        task, handle = self._task(order.task, order.suite, order.data_dir), self._pool.describe(order.model)
        decoder = None if order.decoder is None else self._decoder(order.decoder)
        if isinstance(handle, GeneratorHandle):
            cell = make_generator_cell(handle.info, task, order.seed, order.model)
        elif decoder is None:
            raise UserError(f"{order.model} is a generator where this run was planned, and none in a worker.")
        else:
            aux = None if order.aux is None else self._pool.describe(order.aux).info
            cell = make_cell(
                handle.info,
                task,
                decoder,
                order.seed,
                order.cache,
                None if isinstance(aux, GeneratorInfo) else aux,
                order.model,
            )
        if cell.id != order.cell_id:
            raise UserError(
                f"{order.model} with {order.task} and {order.decoder} is another cell on {node()} than where the run was "
                "planned; install the same versions there, and let paths of models, tasks and decoders hold the same files."
            )
        return PlannedCell(cell, order.model, task, decoder, order.indices, order.aux)
