"""A fault of a user's decoder is the user's to mend: one sentence with file, line and what to look at.

`guard` wraps the methods of a user's class that the engine calls, so that whatever its code raises, asks for or does not end is
met where it happens. The cause stays attached to the sentence: in Python the traceback shows both.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from parallelbench.decoding.decoder import Decoder, RankingDecoder, Run
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import DecoderFault, State
from parallelbench.errors import UserError

SECONDS = 120.0
"""How long a decoder may compute between two forwards of a sample."""


class UserDecoderFault(UserError):
    """A user's decoder raised, broke the contract or did not end; the message names file and line."""


def guard(cls: type[Decoder], path: Path) -> None:
    """Let every fault of this class's code become a `UserDecoderFault`; `path` is the file that defines the class.

    A ranking decoder that leaves `run` as it is keeps it, so that the engine still decides for many samples at once; the
    methods in which its code runs are wrapped in its place.
    """
    ranking = issubclass(cls, RankingDecoder) and cls.run is RankingDecoder.run
    for name in ("quota", "commit_best") if ranking else ("run",):
        method = getattr(cls, name)
        if not getattr(method, "guarded", False):
            wrapped: Any = _guarded_call(method, path) if ranking else _guarded(method, path)
            wrapped.guarded = True
            setattr(cls, name, wrapped)


def _guarded_call(method: Callable[..., Any], path: Path) -> Callable[..., Any]:
    @functools.wraps(method)
    def guarded(self: Decoder, *values: Any) -> Any:
        with blaming(path, type(self).__name__), time_limit():
            return method(self, *values)

    return guarded


def _guarded(run: Callable[[Any, State], Run], path: Path) -> Callable[[Any, State], Run]:
    @functools.wraps(run)
    def guarded(self: Decoder, state: State) -> Run:
        signals: Any = None
        with blaming(path, type(self).__name__), time_limit():
            program = run(self, state)
        while True:
            with blaming(path, type(self).__name__, program), time_limit():
                try:
                    request = program.send(signals)
                except StopIteration:
                    return
                check_request(request, state)
            signals = yield request

    return guarded


@contextlib.contextmanager
def blaming(path: Path, name: str, program: Any = None) -> Iterator[None]:
    """Turn whatever is raised inside into a sentence about the file at `path`.

    Args:
        path: the file of the user.
        name: the class; empty while the file is imported.
        program: the generator that runs; where no line of the file raised, the line at which it waits is named.

    Raises:
        UserDecoderFault: something was raised; interrupts and sentences of ours pass.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # here alone runs the code of a user, which may raise anything, exit() included
        raise UserDecoderFault(_sentence(error, path, name, _line_of(program, path))) from error


def _sentence(error: BaseException, path: Path, name: str, waiting: int | None) -> str:
    line = line_in(error, path) or waiting
    where = f"{path}, line {line}" if line else f"{path}, class {name}"
    text = str(error.msg if isinstance(error, SyntaxError) else error).strip().partition("\n")[0].rstrip(".")[:300]
    what = (
        f": {text}" if isinstance(error, DecoderFault) else f", raises {type(error).__name__}" + (f": {text}" if text else "")
    )
    return f"{where}{what}; mend the file, 'parallelbench doctor decoder {path}{name and f':{name}'}' checks it."


def line_in(error: BaseException, path: Path) -> int | None:
    """Return the innermost line of a traceback that is in the file at `path`, or the line of a syntax error in it."""
    if isinstance(error, SyntaxError) and error.lineno and Path(error.filename or path) in (path, path.absolute()):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename) in (path, path.absolute())), None)


def _line_of(program: Any, path: Path) -> int | None:
    """The line at which a generator waits, where that is in the user's file."""
    frame = getattr(program, "gi_frame", None)
    if frame is None or Path(frame.f_code.co_filename) not in (path, path.absolute()):
        return None
    return int(frame.f_lineno)


@contextlib.contextmanager
def time_limit(seconds: float | None = None) -> Iterator[None]:
    """Raise where the code inside computes for longer than `seconds` (None: `SECONDS`).

    Works in the main thread of systems with interval timers; elsewhere nothing is limited. A timer that is set already goes on.

    Raises:
        DecoderFault: the time is over.
    """
    limit = SECONDS if seconds is None else seconds
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def over(number: int, frame: Any) -> None:
        raise DecoderFault(f"it has computed for {limit:g} s without asking for a forward; look for a loop that does not end")

    before, begun = signal.getitimer(signal.ITIMER_REAL)[0], time.monotonic()
    if 0 < before <= limit:
        yield
        return
    handler = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(before - (time.monotonic() - begun), 1e-3) if before else 0)
        signal.signal(signal.SIGALRM, handler)


def check_request(request: Any, state: State) -> None:
    """Refuse what is no request for a forward over this canvas.

    Raises:
        DecoderFault: says what is wrong with it.
    """
    if not isinstance(request, ForwardRequest):
        raise DecoderFault(f"it asks for {request!r:.60}, which is no ForwardRequest")
    width = len(state.canvas)
    for name, axes, high in (
        ("positions", 1, width), ("canvas", 1, state.info.vocab_size), ("branches", 2, state.info.vocab_size),
        ("tokens", None, state.info.vocab_size),
    ):  # fmt: skip
        found = getattr(request, name)
        if found is None:
            continue
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu" or (axes is not None and found.ndim != axes):
            raise DecoderFault(
                f"the {name} of its request are {found!r:.60}, which is no array of integers with {axes or 1} axes"
            )
        if name in ("canvas", "branches") and found.shape[-1] != width:
            raise DecoderFault(f"the {name} of its request are {found.shape[-1]} wide, the canvas is {width}")
        if found.size and not (found.min() >= 0 and found.max() < high):
            raise DecoderFault(f"the {name} of its request reach from {found.min()} to {found.max()}, outside 0 to {high - 1}")
