"""Several requests in flight at once, in threads that never keep the process alive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Thread
from typing import TypeVar

from parallelbench.errors import UserError

T = TypeVar("T")
R = TypeVar("R")


class _Died:
    """What a worker leaves that ended by a defect of ours."""


def in_flight(work: Callable[[T, Event], R | None], items: Iterable[T], width: int, close: Callable[[], None]) -> Iterator[R]:
    """Apply `work` to items, at most `width` at once, and yield results as they come.

    After the first UserError nothing new is begun; what is on its way is still yielded, then the error is raised. `work` is
    given an event: once it is set, waiting is in vain and None may be returned. Leaving the iterator sets it too. `close` is
    called when no request is on its way any more; leaving the iterator early does not wait for that.

    Raises:
        UserError: the first that `work` raised.
    """
    todo: SimpleQueue[tuple[T] | None] = SimpleQueue()
    done: SimpleQueue[R | UserError | _Died | None] = SimpleQueue()
    stop = Event()
    waiting, busy, failed = iter(items), 0, None
    threads: list[Thread] = []

    def serve() -> None:
        while (item := todo.get()) is not None:
            outcome: R | UserError | _Died | None = _Died()
            try:
                outcome = work(item[0], stop)
            except UserError as error:
                outcome = error
            finally:
                done.put(outcome)

    def tidy() -> None:
        for thread in threads:
            thread.join()
        close()

    try:
        while True:
            while failed is None and busy < width and (item := next(waiting, stop)) is not stop:
                todo.put((item,))  # type: ignore[arg-type]  # `stop` is the default of `next`, which the loop excludes
                busy += 1
                if len(threads) < busy:
                    threads.append(Thread(target=serve, daemon=True, name=f"request {len(threads)}"))
                    threads[-1].start()
            if not busy:
                break
            outcome = done.get()
            busy -= 1
            if isinstance(outcome, _Died):
                raise RuntimeError("a request ended without an outcome; the traceback of its thread is above")
            if isinstance(outcome, UserError):
                failed = failed or outcome
                stop.set()
            elif outcome is not None:
                yield outcome
    finally:
        stop.set()
        for _ in threads:
            todo.put(None)
        if busy:
            Thread(target=tidy, daemon=True, name="requests left behind").start()
        else:
            tidy()
    if failed is not None:
        raise failed
