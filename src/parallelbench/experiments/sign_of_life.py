"""Keeps the sign of life of a run up to date while it goes on (`runs.heartbeat`)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Lock, Thread

from parallelbench.errors import UserError
from parallelbench.experiments.estimate import Estimate
from parallelbench.runs.cell import Cell
from parallelbench.runs.heartbeat import EVERY, Heartbeat, write_heartbeat
from parallelbench.runs.records import Record
from parallelbench.runs.times import now


@contextlib.contextmanager
def sign_of_life(out: Path, call: int, workers: int = 1, every: float = EVERY) -> Iterator[SignOfLife]:
    """Write the sign of life of a call every few seconds, from a separate thread; `runs.store` removes it at the end.

    Args:
        out: the folder of the run.
        call: the number of the call.
        workers: processes that decode.
        every: seconds from one sign to the next.
    """
    life = SignOfLife(out, call, workers)
    ended = Event()
    thread = Thread(target=life.repeat, args=(ended, every), name="sign of life", daemon=True)
    life.write()
    thread.start()
    try:
        yield life
    finally:
        ended.set()
        thread.join()


class SignOfLife:
    """A listener to the events of a run that writes how far it is."""

    def __init__(self, out: Path, call: int, workers: int) -> None:
        self._out, self._call, self._workers = out, call, workers
        self._estimate = Estimate()
        self._samples = self._stored = 0
        self._cell: Cell | None = None
        self._lock = Lock()

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        """Take over the plan."""
        with self._lock:
            self._estimate.plan(missing)
            self._samples, self._stored = samples, samples - self._estimate.total

    def cell_started(self, cell: Cell, missing: int) -> None:
        """Take over the cell that is decoded now."""
        with self._lock:
            self._estimate.start(cell, missing)
            self._cell = cell

    def sample_done(self, cell: Cell, record: Record) -> None:
        """Count a sample."""
        with self._lock:
            self._estimate.sample(cell)

    def cell_done(self, cell: Cell) -> None:
        """End a cell."""
        with self._lock:
            self._estimate.finish(cell)

    def note(self, text: str) -> None:
        """A remark is no sign of life."""

    def repeat(self, ended: Event, every: float) -> None:
        """Write again and again until the call ends."""
        while not ended.wait(every):
            self.write()

    def write(self) -> None:
        """Write the sign of life; a disk that cannot be written is reported where samples are written."""
        with self._lock:
            cell = self._cell
            beat = Heartbeat(
                call=self._call,
                pid=os.getpid(),
                host=socket.gethostname(),
                written=now(),
                samples=self._samples,
                done=self._stored + self._estimate.done,
                workers=self._workers,
                rate=self._estimate.rate,
                seconds_left=self._estimate.seconds_left,
                model="" if cell is None else cell.model,
                task="" if cell is None else cell.task,
                decoder="" if cell is None else cell.decoder,
            )
        with contextlib.suppress(UserError):
            write_heartbeat(self._out, beat)
