"""What `run` and `sweep` have in common: check names, plan, run with a progress display, and print what came out."""

from __future__ import annotations

import gc
import json
import time
from typing import TYPE_CHECKING

import typer

from parallelbench.cli.exit_codes import FAILED
from parallelbench.cli.terminal import note, say

if TYPE_CHECKING:
    from parallelbench.cli.run_options import PlacementOptions, RunOptions
    from parallelbench.experiments.executors.placement import Placement
    from parallelbench.experiments.model_pool import ModelPool
    from parallelbench.experiments.plan import PlannedCell
    from parallelbench.experiments.spec import Sweep


def permit(allow_code: bool) -> None:
    """Let this process run programs that a model wrote, where the user said so, and say so where they are poorly confined."""
    if allow_code:
        from parallelbench import sandbox

        remark = sandbox.allow_code()
        if remark is not None:
            note(remark)


def under_protocol(
    name: str | None, suite: str, tasks: list[str], decoders: list[str], shots: int | None
) -> tuple[str, list[str], list[str]]:
    """Return suite, tasks and decoders with the settings of a protocol, and say what it is; unchanged where none is named."""
    if name is None:
        return suite, tasks, decoders
    from parallelbench.experiments.protocol import SUITE, apply_protocol

    applied = apply_protocol(name, tasks, decoders, shots)
    for sentence in applied.notes:
        note(sentence)
    return SUITE, applied.tasks, applied.decoders


def start(sweep: Sweep, options: RunOptions, where: PlacementOptions) -> None:
    """Run a sweep into a folder and print its results; a dry run checks everything and prints the plan."""
    from parallelbench.cli.names import check_names

    begun = time.monotonic()
    check_names(sweep.models, sweep.tasks, sweep.decoders, sweep.suite)
    placement = where.placement()
    if options.dry_run:
        show_plan(sweep, options, placement)
        return

    from parallelbench import api
    from parallelbench.cli.forecasting import cost_limit
    from parallelbench.cli.progress import watching
    from parallelbench.cli.summary import print_summary
    from parallelbench.experiments.listeners import Several
    from parallelbench.experiments.plan import notes
    from parallelbench.tracking.session import tracked

    pool, cells = _planned(sweep, placement)
    for remark in notes(cells, sweep.limit):
        note(remark)
    folder = options.out or api.default_out(cells)
    gc.freeze()  # imported modules live as long as the process: the garbage collector need not look at them again and again
    limits = cost_limit(sweep, cells, pool, folder, options)
    with tracked(options.track or (), folder, note) as trackers, watching() as progress:
        results = api.run_plan(cells, sweep, pool, folder, Several([progress, *limits, *trackers]), placement)
    print_summary(results, time.monotonic() - begun, options.table)
    if options.as_json:
        print(json.dumps(results.summary_json(), allow_nan=False))
    if results.undecoded:
        raise typer.Exit(FAILED)


def _planned(sweep: Sweep, placement: Placement) -> tuple[ModelPool, list[PlannedCell]]:
    """Plan a sweep, and return the models with the plan."""
    from parallelbench.experiments.executors.choice import pool_of
    from parallelbench.experiments.plan import plan

    gc.freeze()  # thousands of cells: the garbage collector would look at every imported module for each few hundred
    pool = pool_of(sweep, placement)
    return pool, plan(sweep, pool)


def show_plan(sweep: Sweep, options: RunOptions, placement: Placement) -> None:
    """Print what a sweep would run and what that will take."""
    from parallelbench import api
    from parallelbench.cli.forecasting import forecast
    from parallelbench.cli.plan_summary import as_object, lines_of
    from parallelbench.experiments.plan import notes
    from parallelbench.runs.store import check_folder

    pool, cells = _planned(sweep, placement)
    folder = options.out or api.default_out(cells)
    check_folder(folder)
    for remark in notes(cells, sweep.limit):
        note(remark)
    made, _ = forecast(sweep, cells, pool, folder, options)
    for line in lines_of(cells, folder, made):
        say(line)
    if options.as_json:
        print(json.dumps(as_object(cells, folder, made), allow_nan=False))
