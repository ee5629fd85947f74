"""Accuracy against the length of the list, at given speeds (ParallelBench, arXiv 2510.04767, Figure 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from parallelbench.analysis.frame import as_rows, intervals, pooled
from parallelbench.analysis.loss import NEAR
from parallelbench.runs.folder import StoredRun

KEYS = ["model", "suite", "task", "series", "decoder", "length"]
MEANS = ["accuracy", "tokens_per_step", "content_tokens_per_forward", "nfe"]
COLUMNS = [*KEYS, "n", "low", "high", *MEANS]


def lengths_of(run: StoredRun) -> dict[str, int]:
    """Return the length of the lists of each cell, by its id, where its task was run with one length (`lengths=n`)."""
    found = {}
    for stored in run.cells:
        lengths = stored.cell.task_options.get("lengths")
        if isinstance(lengths, int):
            found[stored.id] = lengths
        elif isinstance(lengths, Sequence) and not isinstance(lengths, str) and len(lengths) == 1:
            found[stored.id] = int(lengths[0])
    return found


def by_length(frame: pd.DataFrame, lengths: Mapping[str, int]) -> pd.DataFrame:
    """Return one row for each (model, task, decoder, length): n, mean accuracy with its interval, and mean costs.

    Args:
        frame: one row per sample (`frame.samples`).
        lengths: the length of each cell's lists (`lengths_of`). In other cells the length of a sample is the size of its law
            (the items of the list, or the items of the answer where there is one right answer); samples without a law are
            left out.
    """
    length = frame["cell"].map(lengths).astype("float64").fillna(pd.to_numeric(frame["law_n"]))
    known = pooled(frame.assign(length=length)[length.notna()], KEYS, MEANS)
    groups = known.groupby(KEYS, sort=False)
    ends = intervals(known["accuracy"], groups.ngroup())
    table = groups[MEANS].mean().assign(n=groups.size(), low=[end.low for end in ends], high=[end.high for end in ends])
    return table.reset_index().astype({"length": "int64"})[COLUMNS]


def at_speeds(table: pd.DataFrame, speeds: Sequence[float]) -> pd.DataFrame:
    """Return the rows of `by_length` whose setting is, for each curve and length, nearest to one of the speeds.

    Args:
        table: the table of `by_length`.
        speeds: tokens per step. A curve has no row at a speed that none of its settings is near (a factor of sqrt 2).

    Returns:
        The rows with a column `speed`.
    """
    curves: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in as_rows(table):
        if row["tokens_per_step"] > 0:
            curves.setdefault(tuple(row[key] for key in KEYS if key != "decoder"), []).append(row)
    found = [
        {**nearest, "speed": speed}
        for settings in curves.values()
        for speed in speeds
        if _apart(nearest := min(settings, key=partial(_apart, speed=speed)), speed) <= NEAR
    ]
    return pd.DataFrame(found, columns=[*COLUMNS, "speed"])


def _apart(row: dict[str, Any], speed: float) -> float:
    """How far the speed of a row is from another, as a difference of log2."""
    return abs(math.log2(row["tokens_per_step"] / speed))
