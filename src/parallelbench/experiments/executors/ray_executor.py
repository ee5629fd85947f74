"""Decodes on the workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parallelbench import sandbox
from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.experiments.executors.events import CellTodo, Events
from parallelbench.experiments.executors.orders import Order, order_of
from parallelbench.experiments.executors.placement import Placement
from parallelbench.experiments.executors.ray_cluster import check_room, connected
from parallelbench.experiments.executors.ray_fleet import RayFleet
from parallelbench.experiments.executors.remote_worker import RemoteWorker, Setup
from parallelbench.experiments.executors.supervisor import Supervisor
from parallelbench.experiments.provenance import environment
from parallelbench.schema import BatchSize


class RayExecutor:
    """Connects to a cluster, or starts a Ray on this machine, when there is something to decode.

    Args:
        placement: how many workers there are to be, and what each takes.
        device: where models run in a worker; None is its GPU, and the CPU where it has none.
        batch_size: samples in flight in each worker.
        data_dir: the folder of the official data, at the same path on every machine.
        worker: the class of the actors.
    """

    def __init__(
        self,
        placement: Placement,
        device: str | None,
        batch_size: BatchSize,
        data_dir: Path | None = None,
        worker: type[RemoteWorker] = RemoteWorker,
    ) -> None:
        self._placement, self._device, self._batch_size = placement, device, batch_size
        self._data_dir, self._worker = data_dir, worker

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        """Decode every missing sample (`Executor.execute`).

        Raises:
            UserError: Ray is missing, no cluster answers, it has no room for the workers, or as `Supervisor.execute`.
        """
        if not todo:
            return
        placement, works = self._placement, {one.work.cell.id: one.work for one in todo}

        def order(chunk: Chunk) -> Order:
            return order_of(works[chunk.cell_id], chunk, self._data_dir)

        with connected(placement) as ray:
            workers = check_room(ray, placement, self._device)
            setup = Setup(placement.device(self._device), self._batch_size, str(Path.cwd()), sandbox.code_allowed())
            fleet = RayFleet(ray, setup, order, placement.gpus(self._device), placement.cpus_per_worker, self._worker)
            supervisor = Supervisor(fleet, workers, self._batch_size, placement.worker_timeout, environment())
            yield from supervisor.execute(todo)
