"""One error tree: what the user can mend, and what is our fault.

`UserError` is printed as one sentence, without a traceback, and ends the command with exit code 2. Everything else is a
defect and stays loud.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ParallelBenchError(Exception):
    """Base of every error raised on purpose by this package."""


class UserError(ParallelBenchError):
    """Something the user said or has cannot work; the message is one sentence that holds the fix."""


class UnknownName(UserError):
    """A name that is in no registry; the message offers the nearest known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} '{name}'; {suggestion(name, known)}")


class MissingExtra(UserError):
    """An optional dependency is needed that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package: pip install 'parallelbench[{extra}]'.")


def root_cause(error: BaseException) -> str:
    """Return the first line of the error that began a chain of errors, for a message: "401 Client Error: Unauthorized"."""
    while error.__cause__ is not None or (error.__context__ is not None and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    return first_line(error)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, at most 160 characters; its type where it says nothing."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:160].rstrip(".")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'?" for the nearest known names, or all of them where none is near; ends the sentence."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(f"'{n}'" for n in near) + "?"
    return f"known are: {', '.join(names) or 'none'}."
