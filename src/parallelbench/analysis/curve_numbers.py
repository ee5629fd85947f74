"""A curve in one number, with an interval and without the luck of choosing: PBx and AUP, cross-fitted.

PBx (ParallelBench's leaderboard) is the speed of the fastest setting with a mean accuracy of at least x %. AUP (`frontier.aup`)
is an area under a part of the curve, that within 5 points of its slowest setting, weighted by how near an accuracy is to the
best one of all curves. Both choose: a setting, the part of the curve, the best accuracy. If they choose and are reported on the
same samples, the luck of these samples counts twice. Here what is chosen on one half of the samples is reported on the other,
both ways (`analysis.halves`), and the optimism, what choosing on the same samples would have added, is reported too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import aup
from parallelbench.analysis.halves import HALVES, halves
from parallelbench.analysis.settings import MATRIX_COLUMNS, Floats, interval_of, matrices

DRAWS = 500
ALPHA, DROP = 3.0, 0.05
"""The constants of AUP (`frontier.aup`)."""
PBX_COLUMNS = [
    "model", "series", "bar", "by_first", "by_second", "speed", "speed_low", "speed_high", "accuracy", "low", "high",
    "same_decoder", "same_speed", "same_accuracy", "speed_optimism", "accuracy_optimism",
]  # fmt: skip
AUP_COLUMNS = ["model", "series", "aup", "aup_low", "aup_high", "same_aup", "optimism"]


def pbx(rankings: Mapping[float, pd.DataFrame], overall: pd.DataFrame) -> pd.DataFrame:
    """Return PBx of each (model, series) at each bar.

    Args:
        rankings: for each bar, a mean accuracy over tasks in [0, 1], its ranking (`ranking.rankings`).
        overall: one row per (model, decoder) (`frame.overall`).

    Returns:
        `speed` and `accuracy` are those of what the other half chose, with 95 % intervals, and NaN where a half reaches the bar
        at no setting; `same_decoder`, `same_speed` and `same_accuracy` those of the setting that all samples choose, on the
        same samples. The optimism is the difference.
    """
    curves: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in as_rows(overall):
        curves.setdefault((row["model"], row["series"]), []).append(row)
    rows = [
        {
            "model": row["model"],
            "series": row["series"],
            "bar": bar,
            **_held(row),
            **_same(curves[row["model"], row["series"]], bar),
        }
        for bar, table in rankings.items()
        for row in as_rows(table)
    ]
    table = pd.DataFrame(rows, columns=PBX_COLUMNS[:-2])
    return table.assign(
        speed_optimism=table["same_speed"] - table["speed"], accuracy_optimism=table["same_accuracy"] - table["accuracy"]
    )


def _held(row: dict[str, Any]) -> dict[str, Any]:
    """What the halves chose, on the other half."""
    speeds = {f"speed{end}": row[f"tokens_per_step{end}"] if row["decoder"] else math.nan for end in ("", "_low", "_high")}
    return {**speeds, **{key: row[key] for key in ("by_first", "by_second", "accuracy", "low", "high")}}


def _same(settings: list[dict[str, Any]], bar: float) -> dict[str, Any]:
    """The fastest accurate setting of all samples, on the same samples."""
    reaching = [row for row in settings if row["accuracy"] >= bar]
    if not reaching:
        return {"same_decoder": ""}
    best = max(reaching, key=lambda row: (row["tokens_per_step"], row["accuracy"]))
    return {"same_decoder": best["decoder"], "same_speed": best["tokens_per_step"], "same_accuracy": best["accuracy"]}


def areas(frame: pd.DataFrame, overall: pd.DataFrame, draws: int = DRAWS) -> pd.DataFrame:
    """Return AUP by tokens per step of each (model, series), cross-fitted.

    Args:
        frame: one row per sample (`frame.samples`).
        overall: as for `pbx`.
        draws: resamples of the bootstrap, within each half of each task; the choices of the halves stay as they are.

    Returns:
        `aup` with its interval: each half chooses the part of the curve and the best accuracy, by which the area is measured
        on the other half; the two areas are averaged. `same_aup` is chosen and measured on all samples, `optimism` the
        difference. Curves without a sample that all their settings decoded have no row.
    """
    rows: list[dict[str, Any]] = []
    for model, part in overall.groupby("model", sort=False):
        samples = frame.loc[frame["model"] == model, ["series", *MATRIX_COLUMNS]]
        half = halves(samples)
        parts = [samples[half == number] for number in HALVES]
        curves = {str(series): list(inside["decoder"]) for series, inside in part.groupby("series", sort=False)}
        found = {
            series: _halves_of([one[one["series"] == series] for one in parts], names, draws)
            for series, names in curves.items()
        }
        known = {series: one for series, one in found.items() if one is not None}
        best = [max((float(one[number][0][0].max()) for one in known.values()), default=0.0) for number in HALVES]
        top = float(part["accuracy"].max())
        for series, one in known.items():
            both = [_area(*one[1 - number], one[number], best[number]) for number in HALVES]
            area = np.mean(both, axis=0)
            inside = as_rows(part[part["series"] == series])
            same = aup([(row["tokens_per_step"], row["accuracy"]) for row in inside], top, ALPHA, DROP)
            low, high = interval_of(area[1:])
            numbers = {"aup": float(area[0]), "aup_low": low, "aup_high": high, "same_aup": same}
            rows.append({"model": model, "series": series, **numbers, "optimism": same - float(area[0])})
    return pd.DataFrame(rows, columns=AUP_COLUMNS)


Means = tuple[Floats, Floats]
"""The mean accuracies and the mean speeds of the settings of a curve over tasks, [1 + draws, m]; the first row is measured."""


def _halves_of(parts: list[pd.DataFrame], names: list[str], draws: int) -> tuple[Means, Means] | None:
    """The means of a curve on each half of its samples; None where a half has no sample that all settings decoded."""
    found = []
    for number, part in enumerate(parts):
        tasks = matrices(part, names)
        if not tasks:
            return None
        generator = np.random.default_rng(number)
        weights = [np.vstack([task.weight, task.weights(generator, draws)]) for task in tasks]
        score, speed = (
            np.mean([w @ task.values[name] for w, task in zip(weights, tasks, strict=True)], axis=0)
            for name in ("accuracy", "tokens_per_step")
        )
        found.append((score, speed))
    return found[0], found[1]


def _area(score: Floats, speed: Floats, chosen_on: Means, best: float) -> Floats:
    """AUP of one half, [1 + draws], over the settings and with the best accuracy that the other half chose."""
    scores, speeds = chosen_on[0][0], chosen_on[1][0]
    kept = scores >= scores[speeds.argmin()] - DROP
    order = np.argsort(speed[:, kept], axis=1, kind="stable")
    x, y = (np.take_along_axis(values[:, kept], order, axis=1) for values in (speed, score))
    weighted = 100 * y * np.minimum(np.exp(-ALPHA * (1 - y / best)), 1.0) if best > 0 else 0 * y
    trapezoids = (np.diff(x, axis=1) * (weighted[:, 1:] + weighted[:, :-1]) / 2).sum(axis=1)
    area: Floats = x[:, 0] * y[:, 0] * 100 + trapezoids
    return area
