"""A worker in a process of its own: the class of Ray's actors. It decodes on request and reports what has finished.

A worker decodes for a while at each request, so it needs no threads, and a driver that is gone leaves it idle. Requests and
chunks may wait in line, so that a worker need not wait for the driver; a report is never about two chunks.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parallelbench.experiments.executors.events import CellOpened, SampleDone
    from parallelbench.experiments.executors.orders import Order
    from parallelbench.schema import BatchSize

PERIOD = 0.5
"""Seconds for which a worker decodes before it reports, or longer where not a single sample has finished."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is started with.

    Attributes:
        device: where models run.
        batch_size: samples in flight.
        folder: the driver's working directory, in which relative paths of models, tasks and decoders are looked up.
        allow_code: whether programs that a model writes may be run, in confinement, to score them.
    """

    device: str | None
    batch_size: BatchSize
    folder: str
    allow_code: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says: encoded events and whether a chunk has ended, or a sentence for the user, or that memory ran out."""

    events: tuple[tuple[bytes, ...], ...] = ()
    ended: bool = False
    refused: str | None = None
    memory: str | None = None


class RemoteWorker:
    """Decodes one chunk after another."""

    def __init__(self, setup: Setup) -> None:
        with contextlib.suppress(OSError):  # another machine may have no such folder; relative paths then name nothing there
            os.chdir(setup.folder)
        from parallelbench import sandbox
        from parallelbench.experiments.executors.orders import Planner
        from parallelbench.experiments.executors.worker import Worker
        from parallelbench.experiments.model_pool import ModelPool

        if setup.allow_code and (remark := sandbox.allow_code()):
            print(f"note: {remark}", file=sys.stderr)  # Ray shows it to the user with the worker's address
        pool = ModelPool(setup.device)
        self._planner, self._worker = Planner(pool), Worker(pool, setup.batch_size)
        self._orders: deque[Order] = deque()
        self._events: Iterator[CellOpened | SampleDone] | None = None
        """Those of the chunk that is being decoded; None between two chunks."""

    def hello(self) -> tuple[str, bytes]:
        """Return the name of this machine, and its software as JSON."""
        import platform

        from parallelbench.experiments.provenance import environment
        from parallelbench.runs.calls import ENVIRONMENT

        return platform.node(), ENVIRONMENT.dump_json(environment())

    def proceed(self, order: Order | None = None) -> Report:
        """Open the next chunk, or decode for a while, at least until one sample has finished; a new order comes last.

        The opening of a chunk is a report of its own, so that a fault of a sample is not taken for one of the model.
        """
        from parallelbench.errors import UserError

        if order is not None:
            self._orders.append(order)
        if self._events is not None:
            return self._report(self._events, PERIOD)
        if not self._orders:
            return Report()
        first = self._orders.popleft()
        try:
            self._events = self._worker.run(self._planner.plan(first), first.indices)
        except UserError as error:
            return Report(refused=str(error))
        return self._report(self._events, 0.0)

    def _report(self, source: Iterator[CellOpened | SampleDone], seconds: float) -> Report:
        import torch

        from parallelbench.errors import UserError
        from parallelbench.experiments.executors.wire import encode

        until, events = time.monotonic() + seconds, list[tuple[bytes, ...]]()
        try:
            for event in source:
                events.append(encode(event))
                if time.monotonic() >= until:
                    return Report(tuple(events))
        except UserError as error:
            return Report(tuple(events), refused=str(error))
        except (MemoryError, torch.OutOfMemoryError) as error:
            return Report(tuple(events), memory=f"{type(error).__name__}: {error}"[:200])
        self._events = None
        return Report(tuple(events), ended=True)


def is_report(value: Any) -> bool:
    """Whether a value that came from another process is a `Report` with the right types; its events are not looked at."""
    return (
        isinstance(value, Report)
        and isinstance(value.events, tuple)
        and isinstance(value.ended, bool)
        and all(text is None or isinstance(text, str) for text in (value.refused, value.memory))
    )
