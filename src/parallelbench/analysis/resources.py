"""What each setting costs: means over tasks with intervals over samples, of every unit that was recorded."""

from __future__ import annotations

import math

import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.frame import as_rows, pooled
from parallelbench.analysis.stats import Interval

COSTS = ("tokens_per_step", "content_tokens_per_forward", "nfe", "rows", "seconds", "flops", "tokens_per_second")
UNKNOWN = Interval(math.nan, math.nan)


def resources(frame: pd.DataFrame, overall: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `overall` (`frame.overall`) with each of `COSTS` and the ends of its interval, `x_low` and `x_high`.

    Each is the mean over tasks of the mean over samples, NaN where it was not recorded; `tokens_per_second` counts content
    tokens. With one sample a task there is no interval, and its ends are NaN.
    """
    measured = frame.assign(tokens_per_second=frame["content_tokens"] / frame["seconds"])
    keys = ["model", "decoder", "suite", "task"]
    groups = pooled(measured, keys, COSTS).groupby(keys, sort=False)[list(COSTS)]
    parts = {"mean": groups.mean(), "count": groups.count(), "var": groups.var()}
    settings = parts["mean"].groupby(level=["model", "decoder"], sort=False).indices
    numbers = {(name, part): table[name].to_numpy() for part, table in parts.items() for name in COSTS}
    rows = []
    for row in as_rows(overall):
        tasks = settings[row["model"], row["decoder"]]
        for name in COSTS:
            means, counts, variances = (numbers[name, part][tasks].tolist() for part in parts)
            low, high = (
                stats.normal_interval(means, counts, variances) if min(counts) > 0 else Interval(float("nan"), float("nan"))
            )
            row |= {name: sum(means) / len(means), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = [*overall.columns, *(f"{name}{end}" for name in COSTS for end in ("", "_low", "_high"))]
    return pd.DataFrame(rows, columns=list(dict.fromkeys(columns)))
