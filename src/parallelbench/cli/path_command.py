"""`parallelbench path`: where a folder of the package lies, for the command line of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parallelbench.errors import UnknownName

PACKAGE = Path(__file__).resolve().parents[1]
FOLDERS = {"lm-eval-tasks": PACKAGE / "integrations" / "lm_eval" / "tasks", "experiments": PACKAGE / "experiments" / "named"}


def command(what: Annotated[str, typer.Argument(metavar="lm-eval-tasks|experiments", help="Which folder.")]) -> None:
    """Print where a folder of the package lies.

    Example: lm_eval --include_path $(parallelbench path lm-eval-tasks) --tasks parallelbench_waiting_line_copy ...
    """
    if what not in FOLDERS:
        raise UnknownName("folder", what, FOLDERS)
    print(FOLDERS[what])
