"""`parallelbench report`: one self-contained page about a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def command(out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a run.")]) -> None:
    """Write OUT/report.html, which needs no network, and each figure as CSV and SVG in OUT/figures."""
    from parallelbench.errors import UserError
    from parallelbench.experiments.scoring import score_run
    from parallelbench.report import write_report
    from parallelbench.runs.folder import read_run

    read_run(out)  # a folder that is no run is said once
    try:
        score_run(out, ["failures"], jobs=1)
    except UserError as error:
        print(f"note: the reasons of failures are left out; {error}", file=sys.stderr)
    print(write_report(out))
