"""`parallelbench track`: sends a finished run to an experiment tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A run folder.")],
    to: Annotated[list[str], typer.Option("--to", metavar="TRACKER", help="wandb, mlflow or trackio; repeatable.")],
) -> None:
    """Send the results of a run to wandb, MLflow or Trackio.

    Everything that the folder holds is sent under the same id as by --track, so it may be sent again. Example:
    parallelbench track out --to mlflow:uri=sqlite:///mlflow.db
    """
    from parallelbench.cli.terminal import say
    from parallelbench.cli.tracking import report_files
    from parallelbench.runs.folder import read_run
    from parallelbench.tracking.later import send_folder
    from parallelbench.tracking.load import load_tracker

    trackers = [(spec, load_tracker(spec)) for spec in dict.fromkeys(to)]
    read_run(out)  # a folder that is no run is said before anything is sent
    files = report_files(out)
    for spec, tracker in trackers:
        say(f"{spec}: {send_folder(out, spec, tracker, files)} cells sent")
