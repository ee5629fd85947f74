"""Permits programs to run, after running one that does nothing, which shows how far this system can confine them."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from parallelbench.errors import UserError
from parallelbench.sandbox.permission import ALLOW
from parallelbench.sandbox.program import run_program

LIMITS_ONLY = (
    "this system gives programs no namespaces of their own, so a program that the model wrote can reach the network and every "
    "file that you can; run this in a container or a virtual machine where that matters (docs/guides/standard.md)."
)


def allow_code() -> str | None:
    """Let this process and those that it starts run programs that a model wrote.

    Returns:
        A sentence for the user where programs are confined by limits alone, else None.

    Raises:
        UserError: no program can be run on this system.
    """
    os.environ[ALLOW] = "1"
    return None if _confined() else LIMITS_ONLY


@cache
def _confined() -> bool:
    outcome = run_program("", "")
    if outcome.verdict == "passed":
        return outcome.confined
    closed = _closed_folder()
    if closed is not None:
        raise UserError(
            f"programs are run as a user without rights, who cannot read Python in {closed}; install Python where everybody "
            "can read it, run this as another user, or where there are namespaces."
        )
    raise UserError(
        f"this system cannot run programs in confinement: one that does nothing {outcome.verdict} "
        f"({outcome.detail or 'no detail'}); score these tasks on another machine."
    )


def _closed_folder() -> Path | None:
    """The folder on the way to Python's library that other users cannot enter, where this is the superuser."""
    prefix = Path(sys.base_prefix).resolve()
    on_the_way = [*reversed(prefix.parents), prefix] if os.geteuid() == 0 else []
    return next((folder for folder in on_the_way if not folder.stat().st_mode & 0o001), None)
