"""What belongs to the process and not to a command: standard streams, arguments and signals."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from parallelbench.cli.exit_codes import BROKEN_PIPE, USER_MISTAKE

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN = 0.05
"""Seconds after which a lost interrupt is sent again."""


def prepare() -> None:
    """Make the standard streams usable, refuse arguments that are no text, and let no interrupt be lost."""
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter shows its number
    sys.unraisablehook = _unraisable
    for argument in sys.argv[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = argument.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            print(f"the argument '{shown}' is no UTF-8 text; rename the file, or set PYTHONUTF8=1.", file=sys.stderr)
            sys.exit(USER_MISTAKE)


def finish(code: int) -> int:
    """Write what stdout still holds, and return the exit code: `code`, or that of a stream that cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or BROKEN_PIPE
    except OSError as error:
        code = code or USER_MISTAKE
        with contextlib.suppress(OSError):
            print(f"the output cannot be written ({error.strerror}); free some space, or send it elsewhere.", file=sys.stderr)
    else:
        return code
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more as it ends
    return code


def _replace_closed_streams() -> None:
    """Open the null device in the place of each closed standard stream, so that no other file gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _unraisable(event: UnraisableHookArgs) -> None:
    """Send an interrupt again that arrived where Python cannot raise it: in `__del__`, or in a callback of a library."""
    if issubclass(event.exc_type, KeyboardInterrupt):
        threading.Timer(AGAIN, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(event)
