"""A thread that sends results to one tracker, so that nothing there can stop or slow a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType

from parallelbench.errors import first_line

ATTEMPTS = 3
BACKOFF = 1.0
"""Attempts of each operation, and the seconds before the second; they double."""
PATIENCE = 30.0
"""Seconds that one operation may take before the end of a run no longer waits for it."""
LONGEST_END = 300.0
"""Seconds that the end of a run waits for a tracker in all."""
ROOM = 10_000
"""Operations that wait to be sent; more are left out, and said."""
Operation = Callable[[], None]


class Caught:
    """A context that keeps the error of what is inside: a tracker's library may raise anything, and may call sys.exit."""

    error: Exception | SystemExit | None = None

    def __enter__(self) -> Caught:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception | SystemExit):
            return False
        self.error = error
        return True


class Sender:
    """Runs operations in order in a separate thread.

    An operation that fails is tried again; if its last attempt fails, nothing more is sent.

    Attributes:
        failure: why nothing more is sent, as a part of a sentence; empty while all is well.
    """

    def __init__(
        self, attempts: int = ATTEMPTS, backoff: float = BACKOFF, patience: float = PATIENCE, room: int = ROOM
    ) -> None:
        self.failure = ""
        self._attempts, self._backoff, self._patience = attempts, backoff, patience
        self._waiting: Queue[Operation | None] = Queue(room)
        self._began: float | None = None
        self._stopped = Event()
        self._thread = Thread(target=self._work, name="tracker", daemon=True)
        self._thread.start()

    def put(self, operation: Operation) -> None:
        """Take an operation without waiting; it is left out if too many wait already."""
        if self.failure:
            return
        try:
            self._waiting.put_nowait(operation)
        except Full:
            self.failure = f"{self._waiting.maxsize} results wait to be sent"

    @property
    def hangs(self) -> bool:
        """Whether the operation that runs has taken longer than it may."""
        began = self._began
        return began is not None and time.monotonic() - began > self._patience

    def end(self, longest: float = LONGEST_END) -> None:
        """Wait until everything is sent, sending has failed, an operation hangs, or `longest` seconds have passed."""
        if not self.failure:
            self._put_end()
        until = time.monotonic() + longest
        while self._thread.is_alive() and not self.failure:
            if self.hangs:
                self.failure = f"it has not answered for {self._patience:g} s"
            elif time.monotonic() > until:
                self.failure = f"it has not taken everything within {longest:g} s"
            self._thread.join(0.02)
        self._stopped.set()

    def _put_end(self) -> None:
        try:
            self._waiting.put_nowait(None)
        except Full:
            self.failure = f"{self._waiting.maxsize} results wait to be sent"

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                operation = self._waiting.get(timeout=0.5)
            except Empty:
                continue
            if operation is None:
                return
            if error := self._attempted(operation):
                self.failure = f"{type(error).__name__}: {first_line(error)}"
                return

    def _attempted(self, operation: Operation) -> Exception | SystemExit | None:
        """Try an operation a few times and return the last error."""
        error: Exception | SystemExit | None = None
        for attempt in range(self._attempts):
            if attempt and self._stopped.wait(self._backoff * 2.0 ** (attempt - 1)):
                return error
            self._began = time.monotonic()
            with Caught() as caught:
                operation()
            self._began = None
            error = caught.error
            if error is None:
                return None
        return error
