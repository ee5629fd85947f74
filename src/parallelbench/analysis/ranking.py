"""Ranks decoders: for each, the fastest setting with a mean accuracy of at least a given bar, and the costs of that setting.

Speed is measured in three units. Tokens per step counts sequential forwards: it measures latency where a forward takes the same
time with any number of rows. Tokens per row counts every row of a forward, so also branches and probes: it measures throughput.
Seconds are the wall time on the machine of the run. A decoder can be first in one unit and not in another, so all are shown.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.frame import as_rows, sample_keys
from parallelbench.analysis.frontier import aup

REFERENCE = "threshold"
"""The number of forwards of every other curve is compared with this curve's, sample by sample."""

COSTS = ("tokens_per_step", "tokens_per_row", "nfe", "rows", "seconds")
COLUMNS = [
    "model", "series", "decoder", "accuracy", "low", "high", *COSTS, "fastest_per_row", "aup_step", "aup_row",
    "saved", "saved_low", "saved_high",
]  # fmt: skip


def costs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the costs of each (model, decoder), averaged over samples, then over tasks."""
    per_row = frame["tokens_per_step"] * frame["nfe"] / frame["rows"]
    by_task = (
        frame.assign(tokens_per_row=per_row).groupby(["model", "decoder", "suite", "task"], sort=False)[list(COSTS)].mean()
    )
    return by_task.groupby(["model", "decoder"], sort=False).mean().reset_index()


def ranking(frame: pd.DataFrame, overall: pd.DataFrame, bar: float) -> pd.DataFrame:
    """Rank the curves of each model by the most tokens per step at a mean score of at least `bar` (PBx without interpolation).

    Args:
        frame: one row per sample (`frame.samples`).
        overall: one row per (model, decoder) (`frame.overall`).
        bar: mean score over tasks that a setting must reach, 0 to 1.

    A curve that never reaches the bar has an empty `decoder`; such curves come last, ordered by `aup_step`. `fastest_per_row`
    is the most tokens per row of any setting that reaches the bar. `aup_step` and `aup_row` are the accuracy under parallelism
    (`frontier.aup`) by tokens per step and by tokens per row. `saved` is the mean over samples of the reference setting's
    number of forwards minus this setting's, with a bootstrap interval; the reference setting is that of the `threshold` curve
    at the same bar.
    """
    if overall.empty:
        return pd.DataFrame(columns=COLUMNS)
    settings = overall[["model", "series", "decoder", "accuracy", "low", "high"]]
    table = settings.merge(costs(frame), on=["model", "decoder"], validate="one_to_one")
    rows, best = [], float(table["accuracy"].max())
    for model, part in table.groupby("model", sort=False):
        samples = frame[frame["model"] == model]
        curves = [_curve(curve, bar, best) for _, curve in part.groupby("series", sort=False)]
        reference = next((row["decoder"] for row in curves if row["series"] == REFERENCE), "")
        rows += [row | _saved(samples, row["decoder"], reference) for row in sorted(curves, key=_order)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _curve(curve: pd.DataFrame, bar: float, best: float) -> dict[str, Any]:
    settings = as_rows(curve)
    areas = {
        f"aup_{axis}": aup([(one[f"tokens_per_{axis}"], one["accuracy"]) for one in settings], best) for axis in ("step", "row")
    }
    reaching = [one for one in settings if one["accuracy"] >= bar]
    named = {key: settings[0][key] for key in ("model", "series")}
    if not reaching:
        return {**named, "decoder": "", "tokens_per_step": 0.0, "fastest_per_row": 0.0, **areas}
    fastest = max(reaching, key=lambda one: (one["tokens_per_step"], one["tokens_per_row"], one["accuracy"]))
    return {**fastest, "fastest_per_row": max(one["tokens_per_row"] for one in reaching), **areas}


def _order(row: dict[str, Any]) -> tuple[float, float, float]:
    return -row["tokens_per_step"], -row["fastest_per_row"], -row["aup_step"]


def _saved(samples: pd.DataFrame, decoder: str, reference: str) -> dict[str, float]:
    """The mean number of forwards saved per sample compared with the reference, over the samples that both decoded."""
    if not decoder or not reference or decoder == reference:
        return {}
    chosen = samples[samples["decoder"].isin([decoder, reference])]
    forwards = chosen.assign(sample=sample_keys(chosen)).pivot_table(
        index=["suite", "task", "sample"], columns="decoder", values="nfe", aggfunc="mean", sort=False
    )
    forwards = forwards.dropna()
    saved = forwards[reference] - forwards[decoder]
    low, high = stats.bootstrap(saved)
    return {"saved": float(saved.mean()), "saved_low": low, "saved_high": high}


def by_task(points: pd.DataFrame, bar: float) -> pd.DataFrame:
    """Return for each (model, task) the most tokens per step at a score of at least `bar`, and the settings that reach it.

    `decoders` lists every setting with that speed, at most one for each curve; it is empty where no setting reaches the bar.
    """
    rows = []
    for (model, task), part in points.groupby(["model", "task"], sort=False):
        reaching = part[part["accuracy"] >= bar]
        top = float(reaching["tokens_per_step"].max()) if len(reaching) else 0.0
        first = reaching[reaching["tokens_per_step"] >= top - 1e-9].drop_duplicates("series")
        rows.append({"model": model, "task": task, "tokens_per_step": top, "decoders": list(first["decoder"])})
    return pd.DataFrame(rows, columns=["model", "task", "tokens_per_step", "decoders"])
