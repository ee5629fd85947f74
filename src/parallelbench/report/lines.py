"""Draws what measured points are compared with: an exact model under the same decoders, and what decoders can reach."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from parallelbench.analysis.frontier import Rows, with_frontier

POINTS = 60
"""The number of points at which a curve is sampled between two speeds."""
EXACT = "exact model, same decoder"
NAMES = {
    "before_draw": "positions chosen before the draw",
    "after_draw": "positions chosen after the draw",
    "anything": "anything goes (joint draws)",
}
DASHES = {EXACT: [3, 3], NAMES["before_draw"]: [1, 0], NAMES["after_draw"]: [7, 3], NAMES["anything"]: [1, 3]}
CAPTION = (
    " Coloured dashes: the exact model under the same decoder. Grey area: the most that decoders reach which choose the "
    "positions of a forward before they draw its tokens. Black dashes: an upper bound for decoders that draw first and then "
    "choose what to keep. Dots at 100 %: decoders that draw jointly or revise."
)


def rows_of_lines(rows: Rows, exact: Rows, best: Rows) -> Rows:
    """Return the rows of all lines, limited to the tasks and speeds of the measured `rows`.

    Args:
        rows: the measured points.
        exact: the points of the exact model.
        best: the vertices of the curves (`best_curves.best_curves`).
    """
    tasks = {row["task"] for row in rows}
    slow, fast = (pick(row["tokens_per_step"] for row in rows) for pick in (min, max))
    steps = [row for row in with_frontier(exact, ("task", "family")) if row["frontier"] and row["task"] in tasks]
    dashed = [{**row, "line": EXACT, "frontier": False, "point": False} for row in steps]
    curves = [row for line in NAMES for row in _within([r for r in best if r["line"] == line], slow, fast)]
    return [row for row in dashed if slow <= row["tokens_per_step"] <= fast] + [row for row in curves if row["task"] in tasks]


def _within(curves: Rows, slow: float, fast: float) -> Rows:
    """Each task's curve between two speeds, sampled densely; `curves` are of one line.

    The curve is piecewise linear in speed, and linear pieces are not straight on a logarithmic speed axis.
    """
    rows: Rows = []
    for task in dict.fromkeys(row["task"] for row in curves):
        corners = sorted((row["tokens_per_step"], row["accuracy"]) for row in curves if row["task"] == task)
        speeds, scores = zip(*corners, strict=True)
        first, last = max(slow, speeds[0]), min(fast, speeds[-1])
        if first >= last:
            continue
        at = sorted({*np.geomspace(first, last, POINTS).tolist(), *(x for x in speeds if first < x < last)})
        values = np.interp(at, speeds, scores)
        about = {"task": task, "line": NAMES[curves[0]["line"]]}
        rows += [{**about, "tokens_per_step": x, "accuracy": float(y)} for x, y in zip(at, values, strict=True)]
    return rows


def drawn_lines(base: alt.Chart, colour: alt.Color) -> list[alt.Chart]:
    """Return the charts of all lines; `base` has the axes, and `colour` is that of the decoders."""
    dash = alt.StrokeDash(
        "line:N", title="compared with", scale=alt.Scale(domain=list(DASHES), range=list(DASHES.values())),
        legend=alt.Legend(orient="bottom", columns=2, labelLimit=320, symbolType="stroke", symbolSize=300),
    )  # fmt: skip
    of = {
        line: base.transform_filter(f"datum.line == '{line}'").encode(order=alt.Order("tokens_per_step:Q")) for line in DASHES
    }
    step: dict[str, Any] = {"interpolate": "step-before"}
    before = of[NAMES["before_draw"]].mark_area(color="#eef1f4", line={"color": "#9aa5b1"})
    after = of[NAMES["after_draw"]].mark_line(color="#1f2933", strokeWidth=1.3).encode(strokeDash=dash)
    anything = of[NAMES["anything"]].mark_line(color="#1f2933", strokeWidth=1.5).encode(strokeDash=dash)
    exact = of[EXACT].mark_line(**step, strokeWidth=1.1, opacity=0.8).encode(color=colour, detail="family:N", strokeDash=dash)
    return [before, after, anything, exact]
