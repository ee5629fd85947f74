"""The lines of `analysis.bounds` as curves of accuracy over mean speed, for lists of several lengths.

A point of a trade-off chart is a mean over samples of several lengths, and a decoder may use more forwards on those where they
raise accuracy most. Group the samples of a task by their law: group g has f_g masked positions and the fraction w_g of the
samples. A curve of the task is the weighted sum (Minkowski sum) of the groups' concave curves; that of all tasks is the sum
over tasks, each with the same weight. The speed s(T) of a sample that takes T forwards is its tokens (or content tokens)
divided by T, or, where speed is measured in forwards, -T.

* before_draw: the number of forwards depends on the group alone; the curve is the hull of the points (s(T), V_T).
* after_draw: a decoder may also stop when it has seen its tokens. P(right and finished within T) is at most V_T for every T,
  so its speed is highest if the fraction V_T - V_(T-1) is right after exactly T forwards, up to some T', and the rest is
  finished, wrong, after one:  speed sum_(T <= T') (V_T - V_(T-1)) s(T) + (1 - V_T') s(1), accuracy V_T'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import pandas as pd

from parallelbench.analysis.bounds import after_draw, before_draw
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Point

LINES = ("before_draw", "after_draw", "anything")
Unit = Literal["tokens_per_step", "content_tokens_per_forward", "nfe"]
UNITS: tuple[Unit, ...] = ("content_tokens_per_forward", "tokens_per_step", "nfe")
"""What speed is measured in; a sample's content tokens are those of its longest right answer."""
ALL_TASKS = ""
"""The name of the task of the curves over all tasks."""
LAW = ["law", "law_n", "must_differ"]
COLUMNS = ["suite", "task", "sample_id", *LAW, "accuracy", "tokens_per_step", "nfe", "content_tokens"]
"""The columns of a frame of samples that are read."""
Groups = list[dict[str, Any]]
Speed = Callable[[int], float]


def best_curves(frame: pd.DataFrame, unit: Unit = "tokens_per_step") -> list[dict[str, Any]]:
    """Return the vertices of each task's curves, by rising speed: rows of `task`, `line`, `accuracy`, and the unit's name.

    `frame` holds an exact model's samples. A task with a group of unknown accuracy has no curve of that line, or one over fewer
    speeds; its line "anything" is 1.0 at every speed. Where every task has the curve of a line, the curve of the mean over
    tasks is added, as task `ALL_TASKS`.
    """
    kinds = _kinds(frame, unit)
    tasks = list(frame[["suite", "task"]].drop_duplicates().itertuples(index=False, name=None))
    groups = {task: [kind for kind in kinds if (kind["suite"], kind["task"]) == task] for task in tasks}
    names = {ALL_TASKS: list(groups.values())} if groups and all(groups.values()) else {}
    rows = []
    for name, parts in [*((task[1], [group]) for task, group in groups.items() if group), *names.items()]:
        curves = {"before_draw": _curve(parts, unit, _before), "after_draw": _curve(parts, unit, _after)}
        curves["anything"] = _curve(parts, unit, _anything)
        rows += [
            {"task": name, "line": line, unit: abs(speed), "accuracy": score}
            for line, curve in curves.items()
            for speed, score in curve
        ]
    return rows


def _kinds(frame: pd.DataFrame, unit: Unit) -> Groups:
    """The groups of samples of one task with one law and size, each with its `weight`, the fraction of the task's samples."""
    known = frame.loc[frame["law"].notna(), COLUMNS]
    sample = ["suite", "task", "sample_id"]
    samples = known.drop_duplicates(sample)
    samples = samples.assign(free=(samples["tokens_per_step"] * samples["nfe"]).round())
    if unit == "content_tokens_per_forward":
        content = known[known["accuracy"] == 1.0].groupby(sample)["content_tokens"].max()
        samples = samples.merge(content.rename("tokens").reset_index(), on=sample)
    else:
        samples = samples.assign(tokens=samples["free"])
    counts = as_rows(samples.groupby(["suite", "task", *LAW, "free", "tokens"], sort=False).size().reset_index(name="count"))
    totals = samples.groupby(["suite", "task"]).size().to_dict()
    return [{**kind, "weight": kind["count"] / totals[kind["suite"], kind["task"]]} for kind in counts]


def _curve(parts: Sequence[Groups], unit: Unit, points: Callable[[Mapping[str, Any], Speed], list[Point]]) -> list[Point]:
    hulls = [(kind["weight"] / len(parts), _hull(points(kind, _speed(kind, unit)))) for part in parts for kind in part]
    return _sum(hulls) if all(hull for _, hull in hulls) else []


def _speed(kind: Mapping[str, Any], unit: Unit) -> Speed:
    """The speed of a sample of a group as a function of its number of forwards."""
    return (lambda forwards: -float(forwards)) if unit == "nfe" else (lambda forwards: float(kind["tokens"]) / forwards)


def _before(kind: Mapping[str, Any], speed: Speed) -> list[Point]:
    """(speed, accuracy) for every number of forwards with a known accuracy."""
    values, free = before_draw(kind["law"], int(kind["law_n"]), bool(kind["must_differ"])), int(kind["free"])
    padded = [*values, *[values[-1]] * (free - len(values))][:free]
    return [(speed(forwards), value) for forwards, value in enumerate(padded, 1) if value is not None]


def _after(kind: Mapping[str, Any], speed: Speed) -> list[Point]:
    free = int(kind["free"])
    values = after_draw(kind["law"], int(kind["law_n"]), bool(kind["must_differ"])).values[:free]
    found, spent, before = [(speed(free), values[-1])], 0.0, 0.0
    for forwards, value in enumerate(values, 1):
        spent += (value - before) * speed(forwards)
        before = value
        found.append((spent + (1.0 - value) * speed(1), value))
    return found


def _anything(kind: Mapping[str, Any], speed: Speed) -> list[Point]:
    return [(speed(int(kind["free"])), 1.0), (speed(1), 1.0)]


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
