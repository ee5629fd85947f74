"""Workers as actors of Ray: `Fleet` over a connected Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from parallelbench.errors import first_line
from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.experiments.executors.fleet import Ended, Progressed, Ready, Refused, Reply
from parallelbench.experiments.executors.orders import Order
from parallelbench.experiments.executors.remote_worker import RemoteWorker, Setup, is_report
from parallelbench.runs.calls import ENVIRONMENT
from parallelbench.schema import BatchSize

MEMORY = ("running low on memory", "OutOfMemory", "oom-killer", "memory pressure")
"""How Ray says that it ended a process because the machine had no memory left."""
REASONS = {
    "node has died": "its machine left the cluster",
    "node died": "its machine left the cluster",
    "process has died": "its process ended",
}


@dataclass(frozen=True, slots=True)
class _Request:
    """A reply of a worker that is to come, and whether it is its greeting."""

    reference: Any
    greeting: bool


class RayFleet:
    """Actors, each with some GPUs and CPUs.

    Args:
        ray: the connected module.
        setup: what every worker is started with, but for its batch size.
        order_of: a chunk as names that a worker understands.
        gpus, cpus: what each worker takes.
        worker: the class of the actors.
    """

    def __init__(
        self,
        ray: Any,
        setup: Setup,
        order_of: Callable[[Chunk], Order],
        gpus: float,
        cpus: float,
        worker: type[RemoteWorker] = RemoteWorker,
    ) -> None:
        self._ray, self._setup, self._order_of = ray, setup, order_of
        self._actor = ray.remote(worker).options(
            num_cpus=cpus,
            num_gpus=gpus,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            enable_task_events=False,
        )
        self._actors: dict[int, Any] = {}
        self._requests: dict[int, deque[_Request]] = {}
        """By worker, in the order in which they are answered."""

    def start(self, number: int, batch_size: BatchSize) -> None:
        actor = self._actor.remote(replace(self._setup, batch_size=batch_size))
        self._actors[number] = actor
        self._requests[number] = deque([_Request(actor.hello.remote(), greeting=True)])

    def proceed(self, number: int, chunk: Chunk | None = None) -> None:
        proceed = self._actors[number].proceed
        reference = proceed.remote() if chunk is None else proceed.remote(self._order_of(chunk))
        self._requests[number].append(_Request(reference, greeting=False))

    def stop(self, number: int) -> None:
        self._requests.pop(number, None)
        actor = self._actors.pop(number, None)
        if actor is not None:
            self._ray.kill(actor)

    def wait(self, seconds: float) -> list[Reply]:
        first = {requests[0].reference: number for number, requests in self._requests.items() if requests}
        if not first:
            time.sleep(seconds)
            return []
        try:
            arrived, _ = self._ray.wait(list(first), num_returns=1, timeout=seconds)
        except SystemError as error:  # how an interrupt leaves Ray's compiled code
            if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise
        if arrived and len(first) > 1:
            arrived, _ = self._ray.wait(list(first), num_returns=len(first), timeout=0)
        return [reply for number in [first[reference] for reference in arrived] for reply in self._replies(number)]

    def close(self) -> None:
        for number in list(self._actors):
            self.stop(number)

    def _replies(self, number: int) -> list[Reply]:
        request = self._requests[number].popleft()
        try:
            value = self._ray.get(request.reference)
        except self._ray.exceptions.RayError as error:
            return [Ended(number, _reason(error), any(word in str(error) for word in MEMORY))]
        if request.greeting:
            return [_ready(number, value)]
        if not is_report(value):
            return [Ended(number, "it reported something that is no report")]
        progressed = Progressed(number, value.events, value.ended)
        if value.refused is not None:
            return [progressed, Refused(number, value.refused)]
        if value.memory is not None:
            return [progressed, Ended(number, value.memory, memory=True)]
        return [progressed]


def _ready(number: int, value: Any) -> Reply:
    match value:
        case (str(place), bytes(software)):
            try:
                return Ready(number, place, ENVIRONMENT.validate_json(software))
            except ValidationError:
                return Ended(number, "it greeted with something that is no description of its software")
    return Ended(number, "it greeted with something that is no greeting")


def _reason(error: Exception) -> str:
    """Why a worker ended, in a few words: Ray's own explanations are pages long."""
    said = str(error)
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return f"{type(cause).__name__}: {first_line(cause)}"
    if "creation task" in said:  # with the traceback of its start
        return f"it could not start: {said.strip().splitlines()[-1].strip()[:200]}"
    return next((reason for words, reason in REASONS.items() if words in said), first_line(error))
