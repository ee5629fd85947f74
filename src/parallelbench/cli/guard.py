"""The outermost edge of a command: whatever leaves it becomes one sentence on stderr and an exit code.

A user's mistake has exit code 2. An error that is ours says so, and its traceback is written into a file; exit code 70.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from parallelbench.clean import for_terminal
from parallelbench.cli.exit_codes import BROKEN_PIPE, DEFECT, INTERRUPTED, USER_MISTAKE
from parallelbench.errors import UserError

CONTINUABLE = frozenset({"run", "sweep", "score", "train"})
"""Commands that keep what is finished when they are interrupted, and go on when they are called again."""
STREAM_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})
LONGEST = 2_000
"""Characters of a message."""


class Guard:
    """A context around one command. `code` is its exit code afterwards.

    Args:
        arguments: the command line, for the advice how to continue and for the report of a fault.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = arguments
        self.code = 0

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, (Exception, KeyboardInterrupt, SystemExit)):
            return False
        self.code = self._end(error)
        return True

    def _end(self, error: BaseException) -> int:
        if isinstance(error, KeyboardInterrupt):
            return complain(self._interrupted(), INTERRUPTED)
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        sentence = _sentence(error)
        if sentence is not None:
            return complain(sentence, USER_MISTAKE)
        return complain(self._defect(error), DEFECT)

    def _interrupted(self) -> str:
        if self.arguments and self.arguments[0] in CONTINUABLE:
            again = shlex.join(["parallelbench", *self.arguments])
            return f"interrupted; everything finished so far is kept, continue with: {again}"
        return "interrupted."

    def _defect(self, error: BaseException) -> str:
        what = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        text = "".join(traceback.format_exception(error))
        command = shlex.join(["parallelbench", *self.arguments])
        try:
            handle, name = tempfile.mkstemp(prefix="parallelbench-error-", suffix=".txt")
            os.close(handle)
            Path(name).write_text(f"{command}\n\n{text}", encoding="utf-8", errors="backslashreplace")
        except OSError:
            print(text, file=sys.stderr)
            name = "above"
        where = name if name == "above" else f"in {name}"
        return f"this is a fault of parallelbench and not yours ({what[:300]}); please report it, the traceback is {where}."


def complain(message: str, code: int) -> int:
    """Print a sentence on stderr and return `code`; a stream that cannot be written changes nothing."""
    text = " ".join(message.split("\n"))
    text = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
    with contextlib.suppress(OSError, ValueError):
        print(for_terminal(text).strip(), file=sys.stderr, flush=True)
    return code


def _sentence(error: BaseException) -> str | None:
    """The sentence for an error that the user or the machine can mend; None where it is a fault of this program."""
    if isinstance(error, UserError):
        return str(error)
    if type(error).__module__.startswith("typer") and hasattr(error, "format_message"):
        return str(error.format_message())
    if isinstance(error, OSError) and error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else error.filename
        return f"{Path(str(name))} cannot be used ({error.strerror}); check the path and its permissions."
    if isinstance(error, OSError) and error.errno in STREAM_FAULTS:
        return f"the output cannot be written ({error.strerror}); free some space, or send it elsewhere."
    if isinstance(error, UnicodeEncodeError) and error.encoding == sys.getfilesystemencoding() != "utf-8":
        return f"a file name has characters that this locale ({error.encoding}) cannot write; set PYTHONUTF8=1."
    return None
