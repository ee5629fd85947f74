"""Draws what measured points are compared with: an exact model under the same decoders, and what decoders can reach."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np

from parallelbench.analysis.best_curves import ALL_TASKS, UNITS
from parallelbench.analysis.frontier import Rows

POINTS = 24
"""The number of points at which a curve is sampled between two speeds."""
EXACT = "its exact model, same decoder"
NAMES = {
    "before_draw": "bound: positions chosen before the draw",
    "after_draw": "bound: positions chosen after the draw",
}
DASHES: dict[str, Sequence[float]] = {EXACT: [1.5, 2.5], NAMES["before_draw"]: [1, 0], NAMES["after_draw"]: [7, 3]}
BOUND = "#7b8794"
"""Grey is the colour of bounds, and of nothing else."""
CAPTION = (
    " Dotted lines: the exact model (the true probabilities, over the same tokens) under the decoder of the same colour. Solid "
    "grey: an upper bound for decoders that choose the positions of a forward before its tokens are drawn. Dashed grey: one "
    "for decoders that draw first and then choose which tokens to keep. Decoders that draw tokens jointly, or revise them, may "
    "be above both. Bounds are drawn where speed is counted in tokens or forwards."
)


def rows_of_lines(rows: Rows, exact: Rows, best: Rows) -> Rows:
    """Return the rows of all lines, limited to the tasks and speeds of the measured `rows`.

    Args:
        rows: the measured points, each with its `panel`; the panel is that of the task.
        exact: the points of the exact model.
        best: the vertices of the curves (`best_curves.best_curves`), in every unit of speed.
    """
    panels = {row.get("task", ALL_TASKS): row["panel"] for row in rows}
    dashed = [{**row, "line": EXACT, "panel": panels[task]} for row in exact if (task := row.get("task", ALL_TASKS)) in panels]
    curves: Rows = []
    for unit in UNITS:
        speeds = [row[unit] for row in rows if (row.get(unit) or 0) > 0]
        for line, name in NAMES.items() if speeds else ():
            of_line = [row for row in best if row["line"] == line and unit in row and row["task"] in panels]
            curves += [
                {"panel": panels[row["task"]], "line": name, unit: row[unit], "accuracy": row["accuracy"]}
                for row in _within(of_line, unit, min(speeds), max(speeds))
            ]
    return dashed + curves


def _within(curves: Rows, unit: str, slow: float, fast: float) -> Rows:
    """Each task's curve between two speeds, sampled densely; `curves` are of one line.

    The curve is piecewise linear in speed, and linear pieces are not straight on a logarithmic speed axis.
    """
    rows: Rows = []
    for task in dict.fromkeys(row["task"] for row in curves):
        corners = sorted((row[unit], row["accuracy"]) for row in curves if row["task"] == task)
        speeds, scores = zip(*corners, strict=True)
        first, last = max(slow, speeds[0]), min(fast, speeds[-1])
        if first < last:
            at = np.geomspace(first, last, POINTS)
            rows += [
                {"task": task, unit: float(x), "accuracy": float(y)}
                for x, y in zip(at, np.interp(at, speeds, scores), strict=True)
            ]
    return rows


def drawn_lines(base: alt.Chart, colour: alt.Color, scale: alt.Scale) -> list[alt.Chart]:
    """Return the charts of all lines; `base` has the axes, `colour` is that of the decoders, and `scale` has `DASHES`."""
    legend = alt.Legend(
        orient="bottom", columns=1, labelLimit=0, symbolType="stroke", symbolSize=300, symbolStrokeColor=BOUND,
        values=list(DASHES),
    )  # fmt: skip
    dash = alt.StrokeDash("line:N", title=None, scale=scale, legend=legend)
    bounds = base.transform_filter(alt.FieldOneOfPredicate("line", list(NAMES.values())))
    exact = base.transform_filter(f"datum.line == '{EXACT}' && datum.frontier && datum.bright")
    return [
        bounds.mark_line(color=BOUND, strokeWidth=1.6).encode(strokeDash=dash, order=alt.Order("x:Q")),
        exact.mark_line(interpolate="step-before", strokeWidth=1.3).encode(
            color=colour, strokeDash=dash, order=alt.Order("fast:Q"), detail="family:N"
        ),
    ]
