"""`parallelbench score`: more metrics for a run that is finished, from its texts alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from parallelbench.cli.arguments import AllowCode, AsJson


def command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a run.")],
    metric: Annotated[
        list[str], typer.Option("--metric", "-m", help="Metrics: a comma list, or repeated; 'failures' names reasons.")
    ],
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Texts judged at once; the number of cores without it.")
    ] = None,
    allow_code: AllowCode = False,
    as_json: AsJson = False,
) -> None:
    """Score the stored texts of a run by more metrics.

    Loads no model, and computes only what is missing. Example: parallelbench score out -m rouge_1,bleu -m grammar_languagetool:url=http://127.0.0.1:8081
    """
    from parallelbench.cli.running import permit
    from parallelbench.cli.terminal import console, note, table_of
    from parallelbench.experiments.scoring import score_run
    from parallelbench.specs import split_specs

    permit(allow_code)
    scored = score_run(out, list(dict.fromkeys(split_specs(metric))), jobs or _cores(), note)
    rows = [[row.metric, row.task, row.decoder, f"{row.mean:.4f}", str(row.samples), str(row.computed)] for row in scored]
    console().print(table_of(["metric", "task", "decoder", "mean", "samples", "new"], rows, right=3))
    if as_json:
        results = [row._asdict() for row in scored]
        computed = sum(row.computed for row in scored)
        print(json.dumps({"out": str(out), "computed": computed, "scores": results}, allow_nan=False))


def _cores() -> int:
    """The cores that this process may use; where the system does not say, those of the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
