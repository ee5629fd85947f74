"""Builds the figure of the parts of each loss (`analysis.split`), as a Vega-Lite spec."""

from __future__ import annotations

import math

import altair as alt

from parallelbench.analysis.frontier import Rows
from parallelbench.report import theme
from parallelbench.report.theme import Spec


def loss_parts(rows: Rows) -> Spec:
    """For each task and setting a stacked bar of the three parts of the loss (`analysis.split`); negative parts go below 0."""
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    least = min(0.0, *(sum(min(0.0, row["loss"]) for row in group) for group in _bars(rows).values()))
    scale = alt.Scale(domain=[math.floor(10 * least) / 10, 1])
    bars = alt.Chart(theme.ROWS).mark_bar().encode(
        x=alt.X("setting:N", sort=settings, title=None, axis=alt.Axis(labelAngle=-40)),
        y=alt.Y("loss:Q", title="accuracy lost", axis=alt.Axis(format=".0%", tickCount=5), scale=scale),
        color=alt.Color("part:N", title="lost to", scale=alt.Scale(domain=list(theme.PARTS), range=list(theme.PARTS.values()))),
        order=alt.Order("place:Q"),
        tooltip=["task:N", "decoder:N", "part:N", alt.Tooltip("loss:Q", format=".1%")],
    )  # fmt: skip
    facet = alt.Facet("task:N", title=None, sort=tasks, header=alt.Header(labelAnchor="start"))
    return theme.spec_of(bars.properties(width=190, height=120).facet(facet=facet, columns=4), rows)


def _bars(rows: Rows) -> dict[tuple[str, str], Rows]:
    """The parts of each bar."""
    bars: dict[tuple[str, str], Rows] = {}
    for row in rows:
        bars.setdefault((row["task"], row["setting"]), []).append(row)
    return bars
