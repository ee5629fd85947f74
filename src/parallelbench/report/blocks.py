"""The section of a report on semi-autoregressive decoding: accuracy against the block length."""

from __future__ import annotations

import altair as alt

from parallelbench.analysis.blocks import by_block, published_by_block
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import charts, published, theme
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure
from parallelbench.report.section import Section

TEXT = (
    "Blocks are filled from left to right, and a decoder chooses within a block only. Short blocks force adjacent tokens to be "
    "written together; long ones leave the order to the decoder."
)


def blocks(data: ReportData) -> Section | None:
    """Accuracy by block length (`analysis.blocks`); None where no decoder ran with three of them."""
    table = by_block(data.run, data.points)
    figures: list[Figure] = []
    for model in dict.fromkeys(table["model"]):
        rows = as_rows(table[table["model"] == model])
        hollow = [row for row in published_by_block(data.published, table) if row["model"] == model]
        name = "blocks" + (f"-{len(figures) + 1}" if figures else "")
        caption = f"{model}: one panel per task, 95 % intervals.{published.caption(hollow)}"
        figures.append(Figure(name, caption, _chart(rows, hollow), rows))
    return Section("blocks", "The length of a block", TEXT, figures) if figures else None


def _chart(rows: Rows, hollow: Rows) -> theme.Spec:
    curves = {row["curve"]: row["family"] for row in rows}
    ticks = sorted({row["block"] for row in rows + hollow})
    base = alt.Chart(theme.ROWS).encode(
        x=alt.X(
            "block:Q", title="block, tokens", axis=alt.Axis(values=ticks, format="d"), scale=alt.Scale(type="log", base=2, padding=8)
        ),
        y=charts.score_axis(),
        color=alt.Color("curve:N", title="decoder", scale=theme.curve_colours(curves)),
    )
    ours = base.transform_filter("!isValid(datum.of)").encode(tooltip=[alt.Tooltip("block:Q"), *charts.tooltip()])
    bars = ours.mark_rule(opacity=0.5).encode(y=alt.Y("low:Q", title="accuracy", axis=charts.PERCENT), y2="high:Q")
    layers = [ours.mark_line(point=True, strokeWidth=1.6), bars]
    panel = alt.layer(*(published.drawn_points(base, 45) if hollow else []), *layers).properties(width=262, height=180)
    facet = alt.Facet("task:N", title=None, sort=list(dict.fromkeys(row["task"] for row in rows)))
    return theme.spec_of(panel.facet(facet=facet, columns=3), rows + hollow)
