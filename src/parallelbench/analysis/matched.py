"""Compares adaptive decoders with fixed ones at equal speed, on the same samples."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.frame import as_rows, sample_keys

FIXED = "confidence"
ADAPTIVE = "threshold"
WITHIN = 0.5
"""Equal speed: the two speeds differ by at most this many doublings, that is by a factor of sqrt 2."""

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

    Settings further apart than a factor of sqrt 2 are not matched. `difference` is adaptive minus fixed over the samples
    that both decoded (Newcombe's interval and McNemar's exact p for 0/1 scores).
    """
    found = []
    keys = ["model", "suite", "task"]
    samples = dict(iter(frame.groupby(keys, sort=False)))
    for key, part in table.groupby(keys, sort=False):
        candidates = as_rows(part[part["series"] == adaptive])
        for one in sorted(as_rows(part[part["series"] == fixed]), key=lambda row: row["tokens_per_step"]):
            other = _nearest(candidates, one["tokens_per_step"])
            if other is not None:
                found.append(_pair(one, other, samples[key]))
    return pd.DataFrame(found, columns=COLUMNS)


def _nearest(candidates: list[dict[str, Any]], speed: float) -> dict[str, Any] | None:
    def apart(row: dict[str, Any]) -> float:
        return abs(math.log2(row["tokens_per_step"] / speed))

    nearest = min(candidates, key=apart, default=None)
    return nearest if nearest is not None and apart(nearest) <= WITHIN else None


def _pair(one: dict[str, Any], other: dict[str, Any], samples: pd.DataFrame) -> dict[str, Any]:
    scores = samples.assign(sample=sample_keys(samples)).pivot_table(
        index="sample", columns="decoder", values="accuracy", aggfunc="mean", sort=False
    )
    both = scores[[other["decoder"], one["decoder"]]].dropna()
    difference = stats.paired(both[other["decoder"]], both[one["decoder"]])
    return {
        **{key: one[key] for key in ("model", "suite", "task")},
        **{f"fixed_{name}": one[name] for name in SIDES},
        **{f"adaptive_{name}": other[name] for name in SIDES},
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "p": difference.p,
        "n": len(both),
    }
