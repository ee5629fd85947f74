"""How accuracy falls with speed: losses at 1, 2, 4, ... tokens per step along one curve, and the main findings of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.groups import belonging
from parallelbench.analysis.halves import QUESTION, Rows, cross_fit, halves, held_out, means_by_half

PREFERRED = "confidence"
ONE_BY_ONE = 1.05  # tokens per step up to which a setting counts as one token at a time
NEAR = 0.5  # a setting counts for a speed that is at most this many doublings away
SHARP, COMPARED_AT = 0.10, 4
KEPT = 0.02
"""A setting whose mean accuracy is at most this far below the best at one token per step keeps it."""
SPEEDS = ("tokens_per_step", "content_tokens_per_forward")
ROUNDING = 1e-9  # in floating point 0.8 - 0.78 is more than 0.02


@dataclass(frozen=True, slots=True)
class Headline:
    """The main findings about one model.

    Attributes:
        baseline: the best setting at one token per step (`halves.held_out`: chosen on one half of the samples and reported on
            the other); None where there is none.
        fastest: the same of the fastest setting with a mean accuracy at most `KEPT` below the baseline's.
        faster: how many settings that ran on every task are faster than one token per step.
        speed: the largest speed up to 4 tokens per step at which losses are known.
    """

    model: str
    baseline: dict[str, Any] | None
    fastest: dict[str, Any] | None
    faster: int
    speed: int


def reference_curve(points: pd.DataFrame) -> str | None:
    """Return the curve along which losses are measured, or None.

    It is `confidence` if that has a setting at one token per step, else the first other curve of a decoder with a fixed number
    of tokens per step that has one. A curve needs several settings, so generators and decoders that ran at one speed have none.
    """
    rows = [row for row in as_rows(points) if not row["adaptive"] and row["tokens_per_step"] <= ONE_BY_ONE]
    curves = [row["series"] for row in rows if points.loc[points["series"] == row["series"], "setting"].nunique() > 1]
    return PREFERRED if PREFERRED in curves else next(iter(dict.fromkeys(curves)), None)


def losses(points: pd.DataFrame, curve: str) -> pd.DataFrame:
    """Return one row per model, task and speed (1, 2, 4, ...): the nearest setting of `curve`, and its `loss` since 1.

    A speed without a setting within a factor of sqrt 2 is left out, and so is a task without a setting near 1.
    """
    rows = []
    for _, part in points[points["series"] == curve].groupby(["model", "suite", "task"], sort=False):
        settings = as_rows(part)
        fastest = max(row["tokens_per_step"] for row in settings)
        speeds = [2**i for i in range(int(math.log2(max(1.0, fastest)) + NEAR) + 1)]
        at = {speed: row for speed in speeds if (row := _nearest(settings, speed)) is not None}
        if 1 in at:
            rows += [{**row, "speed": speed, "loss": at[1]["accuracy"] - row["accuracy"]} for speed, row in at.items()]
    return pd.DataFrame(rows, columns=[*points.columns, "speed", "loss"])


def headline(model: str, frame: pd.DataFrame, overall: pd.DataFrame, lost: pd.DataFrame) -> Headline:
    """Compute the main findings about one model.

    Args:
        model: its name.
        frame: one row per sample (`frame.samples`).
        overall: one row per (model, decoder), whose decoders take part (`frame.overall`).
        lost: the losses (`losses`).
    """
    measured = frame[["model", "series", "decoder", *QUESTION, "accuracy", *SPEEDS]]
    samples = belonging(measured, overall[overall["model"] == model], ["model", "decoder"])
    half = halves(samples)
    means = means_by_half(samples, half, ("accuracy", "tokens_per_step"))
    baseline, fastest = (
        None if (chosen := cross_fit(samples, half, means, rule)) is None else held_out(chosen, SPEEDS)
        for rule in (_best_slow, _fastest_kept)
    )
    speeds = lost.loc[(lost["model"] == model) & (lost["speed"] <= COMPARED_AT), "speed"]
    complete = overall[overall["model"] == model]
    faster = int((complete["tokens_per_step"] > ONE_BY_ONE).sum())
    return Headline(model, baseline, fastest, faster, speed=int(speeds.max()) if len(speeds) else 1)


def _best_slow(rows: Rows) -> str | None:
    """The most accurate decoder at one token per step."""
    slow = [row for row in rows if row["tokens_per_step"] <= ONE_BY_ONE]
    return max(slow, key=lambda row: row["accuracy"])["decoder"] if slow else None


def _fastest_kept(rows: Rows) -> str | None:
    """The fastest decoder that is at most `KEPT` below the best at one token per step."""
    best = max((row["accuracy"] for row in rows if row["tokens_per_step"] <= ONE_BY_ONE), default=None)
    kept = [row for row in rows if best is not None and row["accuracy"] >= best - KEPT - ROUNDING]
    return max(kept, key=lambda row: row["tokens_per_step"])["decoder"] if kept else None


def _nearest(settings: list[dict[str, Any]], speed: int) -> dict[str, Any] | None:
    def apart(row: dict[str, Any]) -> float:
        return abs(math.log2(row["tokens_per_step"] / speed))

    nearest = min(settings, key=apart)
    return nearest if apart(nearest) <= NEAR else None
