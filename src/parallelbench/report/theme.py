"""The common style of all figures: fonts, axes, and colours of what is not a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import altair as alt
from altair.utils import schemapi

from parallelbench.analysis.frontier import Rows

Spec = dict[str, Any]
"""A Vega-Lite spec as a JSON value."""
ROWS = alt.NamedData(name="rows")
"""The data of every chart while it is built; `spec_of` puts the rows there."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK, QUIET, GRID = "#1f2933", "#52606d", "#e4e7eb"

SPEEDS = ("#08306b", "#2171b5", "#4fa3d1", "#f2b33d", "#e6761a", "#b2182b", "#67001f")
"""From slow (blue) to fast (red), for 1, 2, 4, ... tokens per step."""
PARTS = {"drawing independently": "#9aa5b1", "the decoder": "#d55e00", "the model": "#0072b2"}
"""The parts of a loss (`analysis.split`) with their colours, from the bottom of a stacked bar to the top."""


def styled(chart: Any) -> Any:
    """Return the chart with the common fonts, axes and legend."""
    return (
        chart.configure(font=FONT, background="transparent")
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


def unvalidated() -> AbstractContextManager[None]:
    """Build charts without Altair's validation of every part and of the whole; tests build them validated."""
    context: AbstractContextManager[None] = schemapi.debug_mode(False)
    return context


def spec_of(chart: Any, rows: Rows, transforms: Sequence[dict[str, Any]] = ()) -> Spec:
    """Return the Vega-Lite spec of a chart of `ROWS` in the common style, with the rows that it shows.

    Style, rows and transforms are added to the finished spec: Altair copies and validates whatever is in a chart at each step
    of building it, which takes seconds. The chart is validated as its parts are: not inside `unvalidated`.
    """
    plain = chart.to_dict(validate=schemapi.DEBUG_MODE)
    spec = {**plain, "config": _config(), "datasets": {ROWS.name: [_known(row) for row in rows]}}
    return {**spec, "transform": [*transforms, *spec.get("transform", [])]} if transforms else spec


@cache
def _config() -> Spec:
    """The common style as the configuration of a spec."""
    return dict(styled(alt.Chart(ROWS).mark_point()).to_dict(validate=schemapi.DEBUG_MODE)["config"])


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is unknown (NaN), which JSON cannot hold."""
    return {key: value for key, value in row.items() if value == value}
