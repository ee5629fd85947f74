"""From where a run is to be decoded to the executor that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallelbench.experiments.executors.placement import Placement
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.spec import Sweep

if TYPE_CHECKING:
    from parallelbench.experiments.executors.events import Executor


def pool_of(sweep: Sweep, placement: Placement) -> ModelPool:
    """Return the models of a sweep as they are where it is decoded, which may be another machine with other devices."""
    if placement.executor == "local":
        return ModelPool(sweep.device)
    return ModelPool(placement.device(sweep.device), elsewhere=True)


def executor_of(sweep: Sweep, pool: ModelPool, placement: Placement) -> Executor:
    """Return the executor of a sweep; the local one takes the models of `pool`, the others load their own."""
    if placement.executor == "local":
        from parallelbench.experiments.executors.local import LocalExecutor  # imports torch, which a plan does not need

        return LocalExecutor(pool, sweep.batch_size)
    from parallelbench.experiments.executors.ray_executor import RayExecutor

    return RayExecutor(placement, sweep.device, sweep.batch_size, sweep.data_dir)
