"""Splits a loss of accuracy into three parts: unavoidable, due to the decoder, due to the model.

An exact model computes the exact marginals of the right answers instead of learning them. Let `best` be the best accuracy
within the same number of forwards (`ceiling`), `exact` the accuracy of the exact model under the same decoder, and `measured`
the accuracy of the learned model under that decoder. Then

    1 - measured = (1 - best)  + (best - exact)  + (exact - measured)
                   unavoidable   due to decoder    due to model

Each term is a mean over samples. Because `exact` and `measured` are estimated from samples, the last two parts can be negative
by chance; the second is also negative where the decoder can exceed `best` (joint draws, remasking).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import pairwise
from typing import Any

import pandas as pd

from parallelbench.analysis.ceiling import best_accuracy
from parallelbench.analysis.frontier import Point

KEYS = ["suite", "task", "decoder"]
COLUMNS = ["model", *KEYS, "series", "setting", "measured", "exact", "best", "unavoidable", "of_decoder", "of_model"]


def split(frame: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return one row per learned model, task and decoder that an exact model also ran.

    Args:
        frame: one row per sample (`frame.samples`).
        points: one row per model, task and decoder (`frame.points`).

    A learned model is compared with the exact model under the same tokenizer, where that ran (`ceiling_of`). Where the best
    accuracy is unknown, `best` and `unavoidable` are None, and `of_decoder` is 1 - exact.
    """
    rows: list[dict[str, Any]] = []
    for _, learned in points[~points["exact"].astype(bool)].groupby("model", sort=False):
        ceiling = ceiling_of(points, str(learned["tokenizer"].iloc[0]))
        if ceiling is None:
            continue
        exact = points[points["model"] == ceiling].drop_duplicates(KEYS)
        best = _best(frame[frame["model"] == ceiling])
        both = learned.merge(exact[[*KEYS, "accuracy"]], on=KEYS, suffixes=("", "_exact")).merge(best, on=KEYS, how="left")
        rows += [_parts(row) for row in both.to_dict("records")]
    return pd.DataFrame(rows, columns=COLUMNS)


def ceiling_of(points: pd.DataFrame, tokenizer: str) -> str | None:
    """Return the exact model that is the ceiling of a learned one with this tokenizer; None where no exact model ran.

    It is the one with the same tokenizer, else the one without a tokenizer (each list item is one token), else the first.
    """
    ran = points[points["exact"].astype(bool)].drop_duplicates("model")
    found = {str(row["tokenizer"]): str(row["model"]) for row in reversed(ran.to_dict("records"))}
    return found.get(tokenizer) or found.get("") or (str(ran["model"].iloc[0]) if len(ran) else None)


def best_curve(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each task the best mean accuracy at each mean speed, as the vertices of a concave piecewise linear curve.

    `frame` holds an exact model's samples. A decoder may use more forwards on the samples where they raise accuracy most. Group
    the samples of a task by their law; for group g let a_g(T) be the best accuracy within T forwards, f_g the number of masked
    positions and w_g the fraction of samples. The curve is the upper concave hull of the points

        (sum_g w_g f_g / T_g, sum_g w_g a_g(T_g))    over all choices of T_g,

    which is the weighted sum of the groups' hulls. Unknown accuracies are left out, so the curve may cover fewer speeds.
    """
    rows = []
    samples = frame.dropna(subset=["law"]).drop_duplicates(["suite", "task", "sample_id"])
    for (_, task), part in samples.groupby(["suite", "task"], sort=False):
        kinds = part.assign(free=(part["tokens_per_step"] * part["nfe"]).round().astype(int))
        counts = kinds.groupby(["law", "law_n", "must_differ", "free"], sort=False).size().reset_index(name="count")
        hulls = [(kind["count"] / len(kinds), _hull(_reachable(kind))) for kind in counts.to_dict("records")]
        if all(hull for _, hull in hulls):
            rows += [{"task": task, "tokens_per_step": speed, "accuracy": score} for speed, score in _sum(hulls)]
    return rows


def _reachable(kind: Mapping[Hashable, Any]) -> list[Point]:
    """(tokens per step, best accuracy) for every number of forwards with a known best accuracy."""
    law, free = (kind["law"], int(kind["law_n"]), bool(kind["must_differ"])), kind["free"]
    best = ((free / forwards, best_accuracy(*law, forwards)) for forwards in range(1, free + 1))
    return [(speed, value) for speed, value in best if value is not None]


def _hull(points: list[Point]) -> list[Point]:
    """The vertices of the upper concave hull of the points, by rising speed."""
    hull: list[Point] = []
    for x, y in sorted(points):
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-2][0]) <= (y - hull[-2][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append((x, y))
    return hull


def _sum(hulls: list[tuple[float, list[Point]]]) -> list[Point]:
    """The weighted Minkowski sum of concave curves: their weighted edges, joined in order of falling slope."""
    speed, score = (sum(weight * hull[0][axis] for weight, hull in hulls) for axis in (0, 1))
    edges = [(weight * (b[0] - a[0]), weight * (b[1] - a[1])) for weight, hull in hulls for a, b in pairwise(hull)]
    corners = [(speed, min(1.0, score))]
    for dx, dy in sorted(edges, key=lambda edge: -edge[1] / edge[0]):
        speed, score = speed + dx, score + dy
        corners.append((speed, min(1.0, score)))
    return corners


def _best(frame: pd.DataFrame) -> pd.DataFrame:
    """The mean over samples of the best accuracy within as many forwards as the exact model used; NaN where one is unknown."""
    rows = [
        {
            **{key: row[key] for key in KEYS},
            "best": best_accuracy(row["law"], row["law_n"], row["must_differ"], int(row["nfe"])),
        }
        for row in frame.dropna(subset=["law"]).to_dict("records")
    ]
    table = pd.DataFrame(rows, columns=[*KEYS, "best"])
    table["best"] = table["best"].astype(float)
    return table.groupby(KEYS, sort=False)["best"].agg(lambda values: values.mean(skipna=False)).reset_index()


def _parts(row: dict[Any, Any]) -> dict[str, Any]:
    known = None if pd.isna(row["best"]) else float(row["best"])
    top = 1.0 if known is None else known
    return {
        **{name: row[name] for name in ("model", *KEYS, "series", "setting")},
        "measured": row["accuracy"],
        "exact": row["accuracy_exact"],
        "best": known,
        "unavoidable": None if known is None else 1.0 - known,
        "of_decoder": top - row["accuracy_exact"],
        "of_model": row["accuracy_exact"] - row["accuracy"],
    }
