"""What `run` and `sweep` share: run with a progress display, print the table, end in one JSON line."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from parallelbench import api
from parallelbench.cli.exit_codes import INTERRUPTED
from parallelbench.cli.progress import watching
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import notes, plan
from parallelbench.experiments.spec import Sweep
from parallelbench.results import Result, Results
from parallelbench.runs.store import check_folder

LOG_WIDTH = 150
NUMBERS = ("accuracy", "95 % interval", "tokens/step", "nfe", "tokens/forward", "seconds")
"""From what is kept longest on a narrow terminal to what is left out first."""


def carry_out(sweep: Sweep, out: Path | None) -> None:
    """Run a sweep into a folder and print its results."""
    try:
        pool = ModelPool(sweep.device)
        works = plan(sweep, pool)
        for note in notes(works, sweep.limit):
            print(f"note: {note}", file=sys.stderr)
        with watching() as progress:
            results = api.carry_out(works, sweep, pool, out or api.default_out(works), progress)
    except KeyboardInterrupt:
        again = shlex.join(["parallelbench", *sys.argv[1:]])
        print(f"interrupted; every finished sample is kept, continue with: {again}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    print_results(results)


def print_results(results: Results) -> None:
    """Print a table of the cells, and as the last line one JSON object."""
    out = console()
    out.print(fitting(results.rows, out))
    print(json.dumps(results.summary_json(), allow_nan=False))


def list_cells(sweep: Sweep, out: Path | None) -> None:
    """Print what a sweep would run; as the last line one JSON object."""
    works = plan(sweep, ModelPool(sweep.device))
    check_folder(out or api.default_out(works))
    for note in notes(works, sweep.limit):
        print(f"note: {note}", file=sys.stderr)
    shown = Table("cell", "model", "task", "decoder", "seed", "samples", box=None, pad_edge=False)
    for work in works:
        cell = work.cell
        shown.add_row(cell.id, cell.model, cell.task, cell.decoder, str(cell.seed), str(len(work.indices)))
    console().print(shown)
    print(json.dumps({"cells": len(works), "samples": sum(len(work.indices) for work in works), "dry_run": True}))


def fitting(rows: list[Result], where: Console) -> Table:
    """The table with as many columns as there is room for; all numbers stand in the JSON line behind it."""
    unbounded = where.options.update(max_width=sys.maxsize)
    for count in range(len(NUMBERS), 0, -1):
        shown = table(rows, count)
        if Measurement.get(where, unbounded, shown).maximum <= where.width:
            return shown
    return table(rows, 1, fold=True)


def table(rows: list[Result], count: int = len(NUMBERS), fold: bool = False) -> Table:
    """Lay results out with the first `count` numbers; model and seed are shown where there are several."""
    several = {key: len({getattr(row, key) for row in rows}) > 1 for key in ("model", "seed")}
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("task", *(key for key in several if several[key]), "decoder"):
        shown.add_column(name, overflow="fold", no_wrap=not fold)
    for name in NUMBERS[:count]:
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        named = [str(getattr(row, key)) for key in several if several[key]]
        low, high = row.ci95
        costs = [_short(value) for value in (row.tokens_per_step, row.nfe, row.content_tokens_per_forward)]
        numbers = [f"{100 * row.accuracy:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}", *costs, f"{row.seconds:.2f}"]
        shown.add_row(row.task, *named, row.decoder, *numbers[:count])
    return shown


def console() -> Console:
    """A console for stdout; a log file gets lines wide enough for every column."""
    return Console() if sys.stdout.isatty() else Console(width=LOG_WIDTH, highlight=False)


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
