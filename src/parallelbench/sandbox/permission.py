"""Whether programs that a model wrote may be run. It is said by the user for each call, never by a file or a task."""

from __future__ import annotations

import os

from parallelbench.errors import UserError

ALLOW = "PARALLELBENCH_ALLOW_CODE"
"""The environment variable that says so; worker processes inherit it."""


def code_allowed() -> bool:
    """Whether programs may be run."""
    return os.environ.get(ALLOW) == "1"


def check_allowed(what: str) -> None:
    """Refuse to go on where programs may not be run.

    Raises:
        UserError: the user did not allow it.
    """
    if not code_allowed():
        raise UserError(
            f"{what} runs programs that the model wrote; allow it with --allow-code (docs/guides/standard.md says how they are "
            "confined)."
        )
