"""Builds the trade-off figures of a report with Altair, as Vega-Lite specs. The rows of a figure are also its CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from parallelbench.analysis.frontier import Rows
from parallelbench.analysis.names import PLAIN
from parallelbench.report import published, speeds, theme
from parallelbench.report.lines import drawn_lines
from parallelbench.report.theme import Colours, Spec

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
HIDDEN = "hidden"
"""The parameter of every figure that lists the families which the reader has switched off."""
PERCENT = alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1.0])
SCORES = alt.Scale(domain=[0, 1])
INDEPENDENT_AXES = alt.Resolve(axis=alt.AxisResolveMap(x="independent", y="independent"))
PANEL = (300, 190)
ALONE = (760, 330)


def hidden() -> alt.Parameter:
    """The parameter `HIDDEN`, at first empty."""
    return alt.param(name=HIDDEN, value=[])


def score_axis(title: str = "accuracy") -> alt.Y:
    """The y axis: accuracy from 0 to 100 %."""
    return alt.Y("accuracy:Q", title=title, axis=PERCENT, scale=SCORES)


def tradeoff(rows: Rows, colours: Colours) -> Spec | None:
    """Accuracy against speed, one panel for each value of `panel`; None where no speed is known.

    Points with intervals, each family's Pareto frontier drawn as steps with its name at the fast end, the rows of
    `lines.rows_of_lines`, and, hollow, those of `published`. Rows need `panel`, `family`, `variant`, `accuracy`, `low`, `high`
    and the columns of `speeds.UNITS`.
    """
    unit = speeds.first_unit(rows)
    if unit is None:
        return None
    panels = list(dict.fromkeys(row["panel"] for row in rows if "line" not in row))
    width, height = ALONE if len(panels) == 1 else PANEL
    back, *others = _layers(rows, colours, unit)
    back = back.add_params(speeds.parameter(unit), hidden())  # to a whole chart they are added by copying it several times
    layers = alt.layer(back, *others, data=theme.ROWS, width=width, height=height)
    facet = alt.Facet("panel:N", title=None, sort=panels, header=alt.Header(labelAnchor="start", labelLimit=0))
    chart = layers.facet(facet=facet, columns=min(2, len(panels)), spacing={"row": 18, "column": 18}, resolve=INDEPENDENT_AXES)
    return theme.spec_of(chart, rows, speeds.transforms(["panel"]))


def _layers(rows: Rows, colours: Colours, unit: speeds.Unit) -> list[alt.Chart]:
    """The layers of a panel, from back to front."""
    base = alt.Chart().encode(x=speeds.axis(unit=unit), y=score_axis())
    colour = colours.encoding([row["family"] for row in rows if "family" in row])
    seen = {"opacity": alt.condition(f"indexof({HIDDEN}, datum.family) >= 0", alt.value(0.05), alt.value(1.0))}
    measured = base.transform_filter("!isValid(datum.line)").encode(color=colour)
    steps = measured.transform_filter("datum.frontier")
    lines = steps.mark_line(interpolate="step-before", strokeWidth=1.8).encode(
        detail="family:N", order=alt.Order("fast:Q"), **seen
    )
    slower = steps.transform_filter("datum.slowest").mark_rule(strokeWidth=1.8).encode(x2=alt.X2Value(0), **seen)
    dodged = measured.encode(x=speeds.axis("drawn", unit), tooltip=speeds.tooltip(), **seen)
    bars = dodged.mark_rule(strokeWidth=1.4).encode(y=alt.Y("low:Q", title="accuracy"), y2="high:Q")
    dots = dodged.mark_point(filled=True, size=62, stroke="white", strokeWidth=0.8, opacity=1).encode(**_shape(rows))
    name: dict[str, Any] = {"align": "right", "dx": -7, "fontSize": 11, "fontWeight": 600, "limit": 150}
    names = [
        steps.transform_filter(f"datum.end && {where}").mark_text(**name, dy=dy).encode(text="family:N", **seen)
        for where, dy in (("datum.accuracy >= 0.15", 12), ("datum.accuracy < 0.15", -9))
    ]
    behind = drawn_lines(base, colour) if any("line" in row and "of" not in row for row in rows) else []
    hollow = published.drawn_points(base.encode(color=colour, **seen), 62) if any("of" in row for row in rows) else []
    return [*behind, *hollow, lines, slower, bars, dots, *names]


def _shape(rows: Rows) -> dict[str, Any]:
    variants = sorted({row["variant"] for row in rows if "variant" in row}, key=lambda name: (name != PLAIN, name))
    if len(variants) < 2:
        return {}
    shapes = [SHAPES[place % len(SHAPES)] for place in range(len(variants))]
    legend = alt.Legend(orient="bottom", columns=2, labelLimit=0)
    return {"shape": alt.Shape("variant:N", title="with", scale=alt.Scale(domain=variants, range=shapes), legend=legend)}


def losses(rows: Rows, shades: Sequence[str]) -> Spec:
    """One row per task with its accuracies at 1, 2, 4, ... tokens per step; the task with the largest loss is at the top.

    `shades` are the colours of the speeds, from slow to fast.
    """
    order = _by_loss(rows)
    scale = alt.Scale(domain=sorted({row["speed"] for row in rows}), range=list(shades))
    base = alt.Chart(theme.ROWS).encode(y=alt.Y("task:N", sort=order, title=None, axis=alt.Axis(labelLimit=240)))
    span = base.mark_rule(color=theme.GRID, strokeWidth=3).encode(x="min(accuracy):Q", x2="max(accuracy):Q")
    dots = base.mark_point(filled=True, size=110, opacity=1, stroke="white", strokeWidth=0.8).encode(
        x=alt.X("accuracy:Q", title="accuracy", axis=PERCENT, scale=SCORES),
        color=alt.Color("speed:O", title="tokens per step", scale=scale, legend=alt.Legend(orient="bottom", columns=8)),
        order=alt.Order("speed:Q", sort="descending"),
        tooltip=[alt.Tooltip("task:N"), *speeds.tooltip(), alt.Tooltip("loss:Q", title="lost since 1", format=".1%")],
    )
    return theme.spec_of(alt.layer(span, dots).properties(width=560, height=alt.Step(26)), rows)


def _by_loss(rows: Rows) -> list[str]:
    lost: dict[str, float] = {}
    for row in rows:
        lost[row["task"]] = max(lost.get(row["task"], 0.0), row["loss"])
    return sorted(lost, key=lambda task: -lost[task])
