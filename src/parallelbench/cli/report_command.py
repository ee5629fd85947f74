"""`parallelbench report`: one self-contained page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a run.")]) -> None:
    """Write OUT/report.html, which needs no network, and each figure as CSV and SVG in OUT/figures."""
    from parallelbench.report import write_report

    print(write_report(out))
