"""The common style of all figures: a colour scheme that colour-blind readers can tell apart, fonts and axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt

from parallelbench.analysis.frontier import Rows

Spec = dict[str, Any]
"""A Vega-Lite spec as a JSON value."""
ROWS = alt.NamedData(name="rows")
"""The data of every chart while it is built; `spec_of` puts the rows there."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK, QUIET, GRID = "#1f2933", "#52606d", "#e4e7eb"

FAMILIES = {
    "confidence": "#0072b2",
    "threshold": "#d55e00",
    "random": "#8a8f98",
    "left_to_right": "#cc79a7",
    "margin": "#56b4e9",
    "entropy": "#009e73",
    "factor": "#e69f00",
    "one_by_one": "#1f2933",
    "all_at_once": "#7b5d2e",
}
"""Okabe and Ito's palette; a family has the same colour in every report."""
OTHERS = ("#332288", "#44aa99", "#882255", "#999933", "#aa4499", "#117733")
SPEEDS = ("#08306b", "#2171b5", "#4fa3d1", "#f2b33d", "#e6761a", "#b2182b", "#67001f")
"""From slow (blue) to fast (red), for 1, 2, 4, ... tokens per step."""
PARTS = {"drawing independently": "#9aa5b1", "the decoder": "#d55e00", "the model": "#0072b2"}
"""The parts of a loss (`analysis.split`) with their colours, from the bottom of a stacked bar to the top."""


def colours(families: Iterable[str]) -> alt.Scale:
    """Return the colour scale of these decoder families."""
    names = sorted(set(families), key=lambda name: (list(FAMILIES).index(name) if name in FAMILIES else len(FAMILIES), name))
    spare = [name for name in names if name not in FAMILIES]
    extra = {name: OTHERS[place % len(OTHERS)] for place, name in enumerate(spare)}
    return alt.Scale(domain=names, range=[FAMILIES.get(name) or extra[name] for name in names])


def styled(chart: Any) -> Any:
    """Return the chart with the common fonts, axes and legend."""
    return (
        chart.configure(font=FONT, background="white")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=QUIET, titleColor=INK, titleFontWeight="normal", titleFontSize=13, labelFontSize=12, gridColor=GRID,
            domainColor="#9aa5b1", tickColor="#9aa5b1", titlePadding=8,
        )
        .configure_legend(
            labelFontSize=12, titleFontSize=12, titleColor=QUIET, titleFontWeight="normal", symbolSize=90, labelLimit=260
        )
        .configure_header(labelFontSize=13, labelColor=INK, labelFontWeight=600, titleColor=QUIET)
    )  # fmt: skip


def spec_of(chart: Any, rows: Rows) -> Spec:
    """Return the Vega-Lite spec of a chart of `ROWS` in the common style, with the rows that it shows.

    The rows are added to the finished spec: Altair copies and validates whatever is in a chart at each step of building it,
    which takes seconds for some thousand rows.
    """
    return {**styled(chart).to_dict(), "datasets": {ROWS.name: rows}}
