"""Ranks decoders: for each, the fastest setting with a mean accuracy of at least a given bar, and the costs of that setting.

Settings are chosen on one half of the samples and reported on the other, both ways (`halves`). So the accuracy that is reported
may lie below the bar.

Speed is measured in three units. Tokens per step counts sequential forwards: it measures latency where a forward takes the same
time with any number of rows. Tokens per row counts every row of a forward, so also branches and probes: it measures throughput.
Seconds are the wall time on the machine of the run. A decoder can be first in one unit and not in another, so all are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.frame import as_rows, sample_keys
from parallelbench.analysis.frontier import aup
from parallelbench.analysis.groups import belonging
from parallelbench.analysis.halves import QUESTION, Choose, Chosen, Rows, cross_fit, halves, held_out, means_by_half

REFERENCE = "threshold"
"""The number of forwards of every other curve is compared with this curve's, sample by sample."""

COSTS = ("tokens_per_step", "tokens_per_row", "nfe", "rows", "seconds")
MEASURED = ("tokens_per_step", "nfe", "rows", "seconds")
COLUMNS = [
    "model", "series", "decoder", "by_first", "by_second", "accuracy", "low", "high", *COSTS, "tokens_per_step_low",
    "tokens_per_step_high", "aup_step", "aup_row", "saved", "saved_low", "saved_high",
]  # fmt: skip
TASK_COLUMNS = ["model", "task", "by_first", "by_second", "decoder", "accuracy", "low", "high", "tokens_per_step"]


def with_row_speed(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the column `tokens_per_row` to a frame of samples."""
    return frame.assign(tokens_per_row=frame["tokens_per_step"] * frame["nfe"] / frame["rows"])


def costs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the costs of each (model, decoder), averaged over samples, then over tasks."""
    by_task = with_row_speed(frame).groupby(["model", "decoder", "suite", "task"], sort=False)[list(COSTS)].mean()
    return by_task.groupby(["model", "decoder"], sort=False).mean().reset_index()


def fastest_at(bar: float) -> Choose:
    """The rule that chooses the decoder with the most tokens per step among those with a mean accuracy of at least `bar`."""

    def choose(rows: Rows) -> str | None:
        reaching = [row for row in rows if row["accuracy"] >= bar]
        best = max(reaching, key=lambda row: (row["tokens_per_step"], row["tokens_per_row"], row["accuracy"]), default=None)
        return None if best is None else str(best["decoder"])

    return choose


def rankings(frame: pd.DataFrame, overall: pd.DataFrame, bars: Sequence[float]) -> dict[float, pd.DataFrame]:
    """Rank the curves of each model by tokens per step at the fastest setting that reaches a bar, for each of several bars.

    Args:
        frame: one row per sample (`frame.samples`).
        overall: one row per (model, decoder) (`frame.overall`).
        bars: mean scores over tasks, 0 to 1, that a setting must reach on the half that chooses.

    A curve of which a half never reaches the bar has an empty `decoder`; such curves come last, ordered by `aup_step`.
    `by_first` and `by_second` are the settings that each half chose, and all numbers are those of each on the other half.
    `aup_step` and `aup_row` are the accuracy under parallelism (`frontier.aup`) of the whole curve by tokens per step and by
    tokens per row. `saved` is the mean over samples of the reference's number of forwards minus this curve's, with a bootstrap
    interval; the intervals of one model hold together with 95 %. The reference is the `threshold` curve at the same bar.
    """
    if overall.empty:
        return {bar: pd.DataFrame(columns=COLUMNS) for bar in bars}
    named = ["model", "series", "decoder"]
    measured = with_row_speed(frame[[*named, *QUESTION, "accuracy", *MEASURED]])
    table = overall[[*named, "accuracy"]].merge(costs(measured), on=["model", "decoder"], validate="one_to_one")
    complete = belonging(measured, overall, named)
    half = halves(complete)
    means = means_by_half(complete, half, ("accuracy", *COSTS))
    return {bar: pd.DataFrame(_ranked(table, complete, half, means, bar), columns=COLUMNS) for bar in bars}


def _ranked(
    table: pd.DataFrame, complete: pd.DataFrame, half: pd.Series[int], means: dict[int, pd.DataFrame], bar: float
) -> Rows:
    """The rows of the ranking at one bar."""
    rows: Rows = []
    best = float(table["accuracy"].max())
    for model, part in table.groupby("model", sort=False):
        found: dict[str, Chosen | None] = {}
        for series in part["series"].unique():
            inside = (complete["model"] == model) & (complete["series"] == series)
            chosen = {n: t[(t["model"] == model) & (t["series"] == series)] for n, t in means.items()}
            found[series] = cross_fit(complete[inside], half[inside], chosen, fastest_at(bar))
        compared = max(1, sum(one is not None for one in found.values()) - 1)
        curves = [
            {"model": model, "series": series, **_areas(curve, best), **_numbers(found[str(series)])}
            | _saved(found, str(series), compared)
            for series, curve in part.groupby("series", sort=False)
        ]
        rows += sorted(curves, key=_order)
    return rows


def _areas(curve: pd.DataFrame, best: float) -> dict[str, float]:
    settings = as_rows(curve)
    return {
        f"aup_{axis}": aup([(one[f"tokens_per_{axis}"], one["accuracy"]) for one in settings], best) for axis in ("step", "row")
    }


def _numbers(chosen: Chosen | None) -> dict[str, Any]:
    """Means over tasks of the samples under what the other half chose, with the interval of the accuracy."""
    if chosen is None:
        return {"decoder": "", "by_first": "", "by_second": "", "tokens_per_step": 0.0, "tokens_per_row": 0.0}
    return held_out(chosen, COSTS)


def _order(row: dict[str, Any]) -> tuple[float, float, float]:
    return -row["tokens_per_step"], -row["tokens_per_row"], -row["aup_step"]


def _saved(found: dict[str, Chosen | None], series: str, comparisons: int) -> dict[str, float]:
    """The mean number of forwards saved per sample compared with the reference, over the samples that both decoded."""
    reference, other = found.get(REFERENCE), found[series]
    if reference is None or other is None or series == REFERENCE:
        return {}
    before, after = (
        one.samples.assign(sample=sample_keys(one.samples)).groupby(["suite", "task", "sample"], sort=False)["nfe"].mean()
        for one in (reference, other)
    )
    saved = (before - after).dropna()
    low, high = stats.bootstrap(saved, 20_000, comparisons=comparisons)
    return {"saved": float(saved.mean()), "saved_low": low, "saved_high": high}


def by_task(frame: pd.DataFrame, bar: float) -> pd.DataFrame:
    """Return for each (model, task) the fastest setting of any decoder at a score of at least `bar`, cross-fitted.

    `decoder` is empty where a half reaches the bar at no setting.
    """
    rows = []
    whole = with_row_speed(frame)
    for (model, task), part in whole.groupby(["model", "task"], sort=False):
        half = halves(part)
        found = cross_fit(part, half, means_by_half(part, half, ("accuracy", *COSTS)), fastest_at(bar))
        rows.append({"model": model, "task": task, **_numbers(found)})
    return pd.DataFrame(rows, columns=TASK_COLUMNS)
