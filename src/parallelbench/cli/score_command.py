"""`parallelbench score`: more metrics for a run that is finished, from its texts alone."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from parallelbench.cli.exit_codes import INTERRUPTED

WIDTH = 150


def command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a run.")],
    metric: Annotated[
        list[str], typer.Option("--metric", "-m", help="Metrics: a comma list, or repeated; 'failures' names reasons.")
    ],
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Texts judged at once; the number of cores without it.")
    ] = None,
) -> None:
    """Score a run's stored texts by more metrics; loads no model, and computes only what is missing.

    Example: parallelbench score out -m rouge_1,bleu -m grammar_languagetool:url=http://127.0.0.1:8081
    """
    from rich.console import Console
    from rich.table import Table

    from parallelbench.experiments.scoring import score_run
    from parallelbench.specs import split_specs

    specs = list(dict.fromkeys(split_specs(metric)))
    try:
        scored = score_run(out, specs, jobs or len(os.sched_getaffinity(0)), lambda text: print(text, file=sys.stderr))
    except KeyboardInterrupt:
        again = shlex.join(["parallelbench", *sys.argv[1:]])
        print(f"interrupted; every score so far is kept, continue with: {again}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    table = Table("metric", "task", "decoder", box=None, pad_edge=False)
    for name in ("mean", "samples", "new"):
        table.add_column(name, justify="right")
    for row in scored:
        table.add_row(row.metric, row.task, row.decoder, f"{row.mean:.4f}", str(row.samples), str(row.computed))
    (Console() if sys.stdout.isatty() else Console(width=WIDTH, highlight=False)).print(table)
    results = [row._asdict() for row in scored]
    print(json.dumps({"out": str(out), "computed": sum(row.computed for row in scored), "scores": results}, allow_nan=False))
