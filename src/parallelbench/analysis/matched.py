"""Compares an adaptive decoder with one that commits a fixed number of tokens per step, at equal speed, on the same samples."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.frame import as_rows, sample_keys

FIXED = "confidence"
ADAPTIVE = "threshold"
WITHIN = 0.5
"""Two speeds count as equal where their log2 differ by at most this, which is a factor of sqrt 2."""

SIDES = ("decoder", "family", "setting", "tokens_per_step", "content_tokens_per_forward", "nfe", "accuracy", "low", "high")
COLUMNS = [
    "model", "suite", "task", *(f"fixed_{name}" for name in SIDES), *(f"adaptive_{name}" for name in SIDES),
    "difference", "difference_low", "difference_high", "p", "n",
]  # fmt: skip


def match_speeds(frame: pd.DataFrame, table: pd.DataFrame, adaptive: str = ADAPTIVE, fixed: str = FIXED) -> pd.DataFrame:
    """Match every setting of a fixed decoder with the setting of an adaptive one that is nearest in tokens per step.

    Args:
        frame: one row per sample (`frame.samples`).
        table: one row per point (`frame.points`).
        adaptive: the curve (`series`) of the adaptive decoder.
        fixed: the curve of the fixed one.

    A fixed setting is left out where the nearest adaptive one differs in speed by more than a factor of sqrt 2. `difference` is
    the adaptive decoder's mean accuracy minus the fixed one's, over the samples that both decoded, with Newcombe's interval and
    McNemar's exact p for scores of 0 and 1. Each p is corrected for the number of all comparisons (Holm).
    """
    found = []
    keys = ["model", "suite", "task"]
    samples = dict(iter(frame.groupby(keys, sort=False)))
    for key, part in table.groupby(keys, sort=False):
        candidates = as_rows(part[part["series"] == adaptive])
        for setting in sorted(as_rows(part[part["series"] == fixed]), key=lambda row: row["tokens_per_step"]):
            nearest = _nearest(candidates, setting["tokens_per_step"])
            if nearest is not None:
                found.append(_compare(setting, nearest, samples[key]))
    table = pd.DataFrame(found, columns=COLUMNS)
    table.loc[table["p"].notna(), "p"] = stats.holm(table["p"].dropna().to_numpy(dtype=float))
    return table


def _nearest(candidates: list[dict[str, Any]], speed: float) -> dict[str, Any] | None:
    def distance(row: dict[str, Any]) -> float:
        return abs(math.log2(row["tokens_per_step"] / speed))

    nearest = min(candidates, key=distance, default=None)
    return nearest if nearest is not None and distance(nearest) <= WITHIN else None


def _compare(fixed: dict[str, Any], adaptive: dict[str, Any], samples: pd.DataFrame) -> dict[str, Any]:
    scores = samples.assign(sample=sample_keys(samples)).pivot_table(
        index="sample", columns="decoder", values="accuracy", aggfunc="mean", sort=False
    )
    both = scores[[adaptive["decoder"], fixed["decoder"]]].dropna()
    difference = stats.paired(both[adaptive["decoder"]], both[fixed["decoder"]])
    return {
        **{key: fixed[key] for key in ("model", "suite", "task")},
        **{f"fixed_{name}": fixed[name] for name in SIDES},
        **{f"adaptive_{name}": adaptive[name] for name in SIDES},
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "p": difference.p,
        "n": len(both),
    }
