"""`parallelbench status`: how far a run is, from another terminal."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parallelbench.cli.arguments import AsJson

if TYPE_CHECKING:
    from parallelbench.runs.state import RunState

GOING = frozenset({"running", "stalled"})
SECONDS, SECONDS_IN_A_LOG = 2.0, 60.0
"""How often --follow looks: on a terminal, and where its output goes into a file."""


def command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A run folder.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Repeat until the run ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how far a run is, from another terminal.

    Reads files only and may be called at any time. Prints the state, samples done and left, speed and time left.
    """
    from parallelbench.cli.terminal import say
    from parallelbench.runs.state import read_state

    while True:
        state = read_state(out)
        if as_json:
            print(json.dumps(as_object(state), allow_nan=False), flush=True)
        elif follow:
            say(one_line(state))
        else:
            for line in lines_of(state):
                say(line)
        if not follow or state.state not in GOING:
            return
        time.sleep(SECONDS if sys.stdout.isatty() else SECONDS_IN_A_LOG)


def one_line(state: RunState) -> str:
    """The state of a run in one line."""
    beat = state.beat if state.state in GOING else None
    rate = "" if beat is None or beat.rate is None else f", {beat.rate:.1f} samples/s"
    left = "" if beat is None or not beat.seconds_left else f", about {_duration(beat.seconds_left)} left"
    failed = f", {state.failed} failed" if state.failed else ""
    done = f"{state.done} of {state.planned} samples, {state.cells_done} of {state.cells} cells"
    return f"{state.state}: {done}{failed}{rate}{left}"


def lines_of(state: RunState) -> Iterator[str]:
    """Yield the state of a run line by line."""
    from parallelbench.runs.heartbeat import age_of

    beat = state.beat
    yield f"{state.path}: {one_line(state)}"
    if state.done < state.planned:
        yield f"left: {state.planned - state.done} samples in {state.cells - state.cells_done} cells"
    if beat is not None and state.state in (*GOING, "killed"):
        if beat.task:
            yield f"{'now' if state.state in GOING else 'last'}: {beat.model}  {beat.task}  {beat.decoder}"
        workers = "" if beat.workers == 1 else f", {beat.workers} workers"
        age = age_of(beat)
        seen = "unknown" if math.isinf(age) else f"{_duration(max(0.0, age))} ago"
        yield f"process {beat.pid} on {beat.host}{workers}; last sign of life {seen}"
    yield f"last change {state.changed[:19].replace('T', ' ')} UTC"


def as_object(state: RunState) -> dict[str, Any]:
    """The state of a run as a JSON object; `rate` and `seconds_left` are null unless it goes on."""
    from parallelbench.runs.heartbeat import age_of

    beat = state.beat
    going = beat if state.state in GOING else None
    age = None if beat is None else age_of(beat)
    return {
        "out": str(state.path),
        "state": state.state,
        "samples": state.planned,
        "done": state.done,
        "left": state.planned - state.done,
        "cells": state.cells,
        "cells_done": state.cells_done,
        "failed": state.failed,
        "rate": None if going is None else going.rate,
        "seconds_left": None if going is None else going.seconds_left,
        "workers": None if going is None else going.workers,
        "model": None if going is None else going.model,
        "task": None if going is None else going.task,
        "decoder": None if going is None else going.decoder,
        "process": None if beat is None else beat.pid,
        "host": None if beat is None else beat.host,
        "seconds_since_sign": None if age is None or math.isinf(age) else age,
        "changed": state.changed,
    }


def _duration(seconds: float) -> str:
    from parallelbench.cli.summary import duration

    return duration(seconds)
