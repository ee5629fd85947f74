"""Options of `run` and `sweep` that are no part of a sweep: where to decode, what to say before and after, and whom to tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from parallelbench.cli.arguments import (
    AsJson,
    CpusPerWorker,
    DryRun,
    Executor,
    GpusPerWorker,
    MaxCost,
    Measured,
    Out,
    PricesFile,
    RayAddress,
    Speed,
    Track,
    WholeTable,
    Workers,
    WorkerTimeout,
)

if TYPE_CHECKING:
    from parallelbench.experiments.executors.placement import Placement


@dataclass(frozen=True, slots=True)
class PlacementOptions:
    """Where to decode; None is what was not named."""

    executor: Executor = None
    workers: Workers = None
    gpus_per_worker: GpusPerWorker = None
    cpus_per_worker: CpusPerWorker = None
    ray_address: RayAddress = None
    worker_timeout: WorkerTimeout = None

    @property
    def named(self) -> dict[str, object]:
        """The options that were named."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def placement(self) -> Placement:
        """Read where to decode.

        Raises:
            UserError: the executor is unknown, an option is out of range, or it belongs to another executor.
        """
        from parallelbench.errors import UnknownName
        from parallelbench.experiments.executors.placement import EXECUTORS, Placement
        from parallelbench.specs import build

        if (self.executor or "local") not in EXECUTORS:
            raise UnknownName("executor", str(self.executor)[:40], EXECUTORS)
        return build(Placement, "run", self.named)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The folder of a run, what is said of it, and whom to tell.

    Attributes:
        out: the folder; None: one that the command names.
        dry_run: say what would run, and run nothing.
        measured, speed, prices: what a forecast is made of: run folders, rows a second, and a file of prices.
        max_cost: the most that the run may cost.
        track: trackers that get its results.
        table: print every cell, however many there are.
        as_json: print a JSON object as the last line.
    """

    out: Out = None
    dry_run: DryRun = False
    measured: Measured = None
    speed: Speed = None
    prices: PricesFile = None
    max_cost: MaxCost = None
    track: Track = None
    table: WholeTable = False
    as_json: AsJson = False
