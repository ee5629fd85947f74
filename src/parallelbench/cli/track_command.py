"""`parallelbench track`: sends a finished run to an experiment tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A run folder.")],
    to: Annotated[list[str], typer.Option("--to", metavar="TRACKER", help="wandb, mlflow or trackio; repeatable.")],
    again: Annotated[
        bool, typer.Option("--again", help="Send every row, also those that were sent before: for a run deleted there.")
    ] = False,
) -> None:
    """Send the results of a run to wandb, MLflow or Trackio.

    Everything that the folder holds is sent under the same id as by --track, so it may be sent again:
    what is there is replaced, and no row is added twice. Example:
    parallelbench track out --to mlflow:uri=sqlite:///mlflow.db
    """
    from parallelbench.cli.terminal import note, say
    from parallelbench.runs.folder import read_run
    from parallelbench.tracking.later import send_folder
    from parallelbench.tracking.load import load_tracker
    from parallelbench.tracking.session import report_files

    trackers = [(spec, load_tracker(spec)) for spec in dict.fromkeys(to)]
    read_run(out)  # a folder that is no run is said before anything is sent
    files = report_files(out, note)
    for spec, tracker in trackers:
        say(f"{spec}: {send_folder(out, spec, tracker, files, again=again)} cells sent")
