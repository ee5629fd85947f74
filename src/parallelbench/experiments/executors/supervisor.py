"""Keeps workers busy and replaces those that end. What they report is checked here, and each sample is passed on once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from parallelbench.errors import UserError
from parallelbench.experiments.executors.chunks import ATTEMPTS, Chunk, Chunks
from parallelbench.experiments.executors.events import (
    CellStarted,
    CellTodo,
    Event,
    Events,
    Remark,
    SampleDone,
    SampleFailed,
)
from parallelbench.experiments.executors.fleet import Ended, Fleet, Progressed, Ready, Refused, Reply
from parallelbench.experiments.executors.slots import Held, Slot
from parallelbench.experiments.executors.wire import GarbageError, decode
from parallelbench.runs.calls import Environment, changed_packages
from parallelbench.schema import BatchSize

POLL = 1.0
"""Seconds between two looks at the clock while no worker reports anything."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a worker that ended before it decoded anything is started again; twice as long each time."""
SOON = 30.0
"""Seconds within which a worker starts where there is a place for it."""
NO_MACHINE = 600.0
"""Seconds for which a run goes on without any worker: a cluster may have to start machines first."""
HALVED_AUTO = 16
"""The batch size of a worker that ran out of memory under `auto`."""


class Supervisor:
    """An executor whose workers are those of a fleet.

    Args:
        fleet: starts, asks and stops workers.
        workers: how many there are to be.
        batch_size: samples in flight in each worker.
        timeout: seconds without a finished sample after which a worker is replaced.
        environment: the software that workers are expected to have.
    """

    def __init__(
        self,
        fleet: Fleet,
        workers: int,
        batch_size: BatchSize,
        timeout: float,
        environment: Environment,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fleet, self._timeout, self._environment, self._clock = fleet, timeout, environment, clock
        self._slots = [Slot(number, batch_size) for number in range(workers)]
        self._cells: dict[str, CellTodo] = {}
        self._started: set[str] = set()
        self._said: set[str] = set()
        self._useless = 0
        """Workers that ended, in a row, before any worker finished a sample or loaded a model."""

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        """Decode every missing sample (`Executor.execute`).

        Raises:
            UserError: a worker met something that the user can mend, workers end again and again without decoding anything, or
                no worker has found a machine for too long.
        """
        self._cells = {one.work.cell.id: one for one in todo}
        self._chunks = Chunks(todo, len(self._slots))
        begun = self._clock()
        for slot in self._slots:
            slot.since = begun
        try:
            while self._chunks.waiting or any(slot.held for slot in self._slots):
                self._start_workers()
                yield from self._hand_out()
                for reply in self._fleet.wait(POLL):
                    yield from self._take(self._slots[reply.number], reply)
                yield from self._check_clock()
        finally:
            self._fleet.close()

    def _start_workers(self) -> None:
        now = self._clock()
        for slot in self._slots:
            if slot.state == "down" and now >= slot.since:
                slot.state, slot.since = "starting", now
                self._fleet.start(slot.number, slot.batch_size)

    def _hand_out(self) -> Iterator[Event]:
        """Hand chunks to the workers that have none, and then to those that soon will have none."""
        for slot in sorted(self._slots, key=lambda slot: len(slot.held)):
            if not self._chunks.waiting:
                return
            if not slot.has_room:
                continue
            held = [other.model for other in self._slots if other is not slot and other.model is not None]
            chunk = self._chunks.take(slot.model, held)
            if chunk is None:
                continue
            slot.held.append(Held(chunk, set(chunk.indices)))
            slot.model = chunk.model
            if len(slot.held) == 1:
                slot.since = self._clock()
                yield from self._begin(chunk)
            self._fleet.proceed(slot.number, chunk)
            slot.requests += 1
            self._request(slot)

    def _request(self, slot: Slot) -> None:
        """Send a worker the requests that it needs to go on."""
        for _ in range(slot.requests_missing):
            self._fleet.proceed(slot.number)
            slot.requests += 1

    def _begin(self, chunk: Chunk) -> Iterator[Event]:
        """Say of a cell that it begins, when the first of its chunks is next."""
        if chunk.cell_id not in self._started:
            self._started.add(chunk.cell_id)
            yield CellStarted(chunk.cell_id)

    def _take(self, slot: Slot, reply: Reply) -> Iterator[Event]:
        if slot.state == "down":
            return
        match reply:
            case Ready():
                slot.state, slot.since = "up", self._clock()
                yield from self._compare(reply)
            case Progressed():
                yield from self._progressed(slot, reply)
            case Refused():
                raise UserError(reply.sentence)
            case Ended():
                yield from self._ended(slot, reply)

    def _compare(self, ready: Ready) -> Iterator[Event]:
        """Say once for each machine that it has other versions than this one."""
        changed = changed_packages(self._environment, ready.environment)
        if "parallelbench" in changed:
            raise UserError(f"{ready.place} has other versions than this machine ({changed}); install the same ones there.")
        if changed and ready.place not in self._said:
            self._said.add(ready.place)
            yield Remark(f"{ready.place} has other versions than this machine: {changed}.")

    def _progressed(self, slot: Slot, reply: Progressed) -> Iterator[Event]:
        """Pass on what a worker reports of the first of its chunks; one that reports garbage is replaced."""
        slot.requests -= 1
        if not slot.held:
            return
        try:
            yield from self._read(slot, slot.held[0], reply)
        except GarbageError as error:
            yield from self._ended(slot, Ended(slot.number, f"it reported {error}"))
            return
        if reply.ended:
            slot.held.popleft()
            if slot.held:
                yield from self._begin(slot.held[0].chunk)
        self._request(slot)

    def _read(self, slot: Slot, held: Held, reply: Progressed) -> Iterator[Event]:
        """Check and pass on the events of a report.

        Raises:
            GarbageError: it is none of this chunk.
        """
        cell_id = held.chunk.cell_id
        prefix, samples = self._cells[cell_id].work.cell.sample_prefix, 0
        for parts in reply.events:
            event = decode(parts, cell_id, prefix, held.left)
            if isinstance(event, SampleDone):
                if not held.opened:
                    raise GarbageError("a sample of a cell that it has not opened")
                held.left.remove(event.record.index)
                samples += 1
            held.opened, slot.since = True, self._clock()
            self._useless = slot.failures = 0
            yield event
        if reply.ended and held.left:
            raise GarbageError(f"an end with {len(held.left)} samples left")
        slot.reported = samples or slot.reported

    def _ended(self, slot: Slot, ended: Ended) -> Iterator[Event]:
        """Take back what a worker had in hand, and make place for another.

        Raises:
            UserError: workers end again and again before they decode anything.
        """
        self._fleet.stop(slot.number)
        held = slot.empty()
        for one in held:
            for index in self._chunks.put_back(one.chunk, one.left, counts=one.opened):
                yield SampleFailed(one.chunk.cell_id, index, ended.reason)
        if not ended.memory and ended.reason not in self._said:
            self._said.add(ended.reason)
            yield Remark(f"a worker ended ({ended.reason}); its samples go to another, and it is started again.")
        if ended.memory:
            slot.batch_size = HALVED_AUTO if slot.batch_size == "auto" else max(1, slot.batch_size // 2)
            yield Remark(f"worker {slot.number} ran out of memory; it goes on with {slot.batch_size} samples at once.")
        slot.state, slot.since = "down", self._clock()
        if any(one.opened for one in held):
            return
        slot.failures += 1
        self._useless += 1
        if self._useless >= ATTEMPTS * len(self._slots):
            raise UserError(
                f"{self._useless} workers ended one after another before they decoded anything ({ended.reason}); everything "
                "finished is kept, and the same command continues."
            )
        slot.since += min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (slot.failures - 1))

    def _check_clock(self) -> Iterator[Event]:
        """Replace workers that have finished no sample for too long, and say once that workers are waiting for a machine.

        Raises:
            UserError: no worker at all has found a machine for too long.
        """
        now = self._clock()
        for slot in self._slots:
            if slot.held and now - slot.since > self._timeout:
                yield from self._ended(slot, Ended(slot.number, f"it finished no sample within {self._timeout:.0f} s"))
        starting = [now - slot.since for slot in self._slots if slot.state == "starting"]
        if len(starting) == len(self._slots) and min(starting) > NO_MACHINE:
            raise UserError(
                f"no worker has started within {NO_MACHINE:.0f} s; everything finished is kept, and the same command "
                "continues when there is a machine for them."
            )
        if starting and max(starting) > SOON and "waiting" not in self._said:
            self._said.add("waiting")
            yield Remark(f"{len(starting)} of {len(self._slots)} workers are waiting for a machine.")
