"""Splits a loss of accuracy into three parts: unavoidable, due to the decoder, due to the model.

With best = the best accuracy within the same number of forwards (`ceiling`), exact = the exact model under the same decoder,
measured = the model under it:

    1 - measured = (1 - best) + (best - exact) + (exact - measured)
                    unavoidable   the decoder's    the model's

Each is a mean over samples. The parts can be negative within their error: two of the three are measured.
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

    A learned model is compared with the exact model under the same tokenizer where that ran (`ceiling_of`).
    `best` is None where the law is too large to solve; then so is `unavoidable`, and `of_decoder` is 1 - exact.
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

    It is the one with the same tokenizer, else the one in which a token is an item, else the first.
    """
    ran = points[points["exact"].astype(bool)].drop_duplicates("model")
    found = {str(row["tokenizer"]): str(row["model"]) for row in reversed(ran.to_dict("records"))}
    return found.get(tokenizer) or found.get("") or (str(ran["model"].iloc[0]) if len(ran) else None)


def best_curve(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, task by task, the best mean accuracy at each mean speed, as corners of a concave line.

    `frame` holds an exact model's samples. A decoder may spend its forwards where they help most, so the samples of a task
    may have different numbers of them: with a_g(T) the best accuracy of a kind of sample g within T forwards, f_g its open
    positions and w_g its fraction, the line is the upper hull of

        (sum_g w_g f_g / T_g, sum_g w_g a_g(T_g))    over all choices of T_g,

    the sum of the kinds' hulls. Where accuracies are unknown they are left out, and the line begins or ends earlier.
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
    """(tokens per step, best accuracy) for every number of forwards of which it is known."""
    law, free = (kind["law"], int(kind["law_n"]), bool(kind["must_differ"])), kind["free"]
    best = ((free / forwards, best_accuracy(*law, forwards)) for forwards in range(1, free + 1))
    return [(speed, value) for speed, value in best if value is not None]


def _hull(points: list[Point]) -> list[Point]:
    """The upper concave hull, by rising speed."""
    hull: list[Point] = []
    for x, y in sorted(points):
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-2][0]) <= (y - hull[-2][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append((x, y))
    return hull


def _sum(hulls: list[tuple[float, list[Point]]]) -> list[Point]:
    """The weighted sum of concave lines: their edges, the flattest first."""
    speed, score = (sum(share * hull[0][axis] for share, hull in hulls) for axis in (0, 1))
    edges = [(share * (b[0] - a[0]), share * (b[1] - a[1])) for share, hull in hulls for a, b in pairwise(hull)]
    corners = [(speed, min(1.0, score))]
    for dx, dy in sorted(edges, key=lambda edge: -edge[1] / edge[0]):
        speed, score = speed + dx, score + dy
        corners.append((speed, min(1.0, score)))
    return corners


def _best(frame: pd.DataFrame) -> pd.DataFrame:
    """The mean of the best accuracies at the exact model's own numbers of forwards; NaN where one is unknown."""
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
