"""The lines of `analysis.bounds` as curves of accuracy over mean speed, for lists of several lengths.

A point of a trade-off chart is a mean over samples of several lengths, and a decoder may use more forwards on those where they
raise accuracy most. Group the samples of a task by their law: group g has f_g masked positions and the fraction w_g of the
samples. A curve of the task is the weighted sum (Minkowski sum) of the groups' concave curves.

* before_draw: the number of forwards depends on the group alone; the curve is the hull of the points (f_g / T, V_T).
* after_draw: a decoder may also stop when it has seen its tokens. P(right and finished within T) is at most V_T for every T,
  so its speed is highest if the fraction V_T - V_(T-1) is right after exactly T forwards, up to some T', and the rest is
  finished, wrong, after one:  speed f_g (sum_(T <= T') (V_T - V_(T-1)) / T + 1 - V_T'), accuracy V_T'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pandas as pd

from parallelbench.analysis.bounds import after_draw, before_draw
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Point

LINES = ("before_draw", "after_draw", "anything")


def best_curves(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the vertices of each task's curves, by rising speed: rows of `task`, `line`, `tokens_per_step`, `accuracy`.

    `frame` holds an exact model's samples. A task with a group of unknown accuracy has no curve of that line, or one over fewer
    speeds; its line "anything" is 1.0 at every speed.
    """
    rows = []
    samples = frame.dropna(subset=["law"]).drop_duplicates(["suite", "task", "sample_id"])
    for (_, task), part in samples.groupby(["suite", "task"], sort=False):
        kinds = part.assign(free=(part["tokens_per_step"] * part["nfe"]).round().astype(int))
        counts = as_rows(kinds.groupby(["law", "law_n", "must_differ", "free"], sort=False).size().reset_index(name="count"))
        fastest = sum(kind["count"] * kind["free"] for kind in counts) / len(kinds)
        curves = {
            "before_draw": _task_curve(counts, len(kinds), _before),
            "after_draw": _task_curve(counts, len(kinds), _after),
            "anything": [(1.0, 1.0), (fastest, 1.0)],
        }
        rows += [
            {"task": task, "line": line, "tokens_per_step": speed, "accuracy": score}
            for line, curve in curves.items()
            for speed, score in curve
        ]
    return rows


def _task_curve(kinds: list[dict[str, Any]], samples: int, points: Callable[[Mapping[str, Any]], list[Point]]) -> list[Point]:
    hulls = [(kind["count"] / samples, _hull(points(kind))) for kind in kinds]
    return _sum(hulls) if all(hull for _, hull in hulls) else []


def _before(kind: Mapping[str, Any]) -> list[Point]:
    """(tokens per step, accuracy) for every number of forwards with a known accuracy."""
    values = before_draw(kind["law"], int(kind["law_n"]), bool(kind["must_differ"]))
    padded = [*values, *[values[-1]] * (kind["free"] - len(values))][: kind["free"]]
    return [(kind["free"] / forwards, value) for forwards, value in enumerate(padded, 1) if value is not None]


def _after(kind: Mapping[str, Any]) -> list[Point]:
    values = after_draw(kind["law"], int(kind["law_n"]), bool(kind["must_differ"])).values[: kind["free"]]
    found, speed, before = [(1.0, values[-1])], 0.0, 0.0
    for forwards, value in enumerate(values, 1):
        speed += (value - before) / forwards
        before = value
        found.append((kind["free"] * (speed + 1.0 - value), value))
    return found


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
