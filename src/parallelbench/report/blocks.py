"""The section of a report on semi-autoregressive decoding: accuracy against the block length."""

from __future__ import annotations

import altair as alt

from parallelbench.analysis.blocks import by_block, published_by_block
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import charts, published, theme
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure, numbered
from parallelbench.report.looks import Looks
from parallelbench.report.section import Section
from parallelbench.report.speeds import tooltip

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
        name = numbered("blocks", len(figures))
        curves = " and ".join(dict.fromkeys(row["curve"] for row in rows))
        theirs = f" Hollow: published for {hollow[0]['of']}." if hollow else ""
        caption = f"{model}, {curves}: one panel per task, 95 % intervals.{theirs}"
        figures.append(Figure(name, caption, _chart(rows, hollow, data.looks), rows))
    return Section("blocks", "The length of a block", TEXT, figures) if figures else None


def _chart(rows: Rows, hollow: Rows, looks: Looks) -> theme.Spec:
    ticks = sorted({row["block"] for row in rows + hollow})
    scale = alt.Scale(type="log", base=2, domain=[ticks[0] / 1.15, ticks[-1] * 1.15], nice=False)
    families = {row["family"] for row in rows + hollow}
    shape, dash = looks.shape(families), looks.dash(families)
    base = alt.Chart(theme.ROWS).encode(
        x=alt.X("block:Q", title="block, tokens", axis=alt.Axis(values=ticks, format="d"), scale=scale),
        y=charts.score_axis(),
        color=looks.colour(families),
        detail="curve:N",
    )
    ours = base.transform_filter("!isValid(datum.of)").encode(tooltip=[alt.Tooltip("block:Q"), *tooltip()])
    bars = ours.mark_rule(opacity=0.5).encode(y=alt.Y("low:Q", title="accuracy", axis=charts.PERCENT), y2="high:Q")
    theirs = published.drawn_points(base.encode(shape=shape), 45) if hollow else []
    drawn = [ours.mark_line(strokeWidth=1.6).encode(strokeDash=dash), bars]
    drawn.append(ours.mark_point(filled=True, size=50, opacity=1).encode(shape=shape))
    panel = alt.layer(*theirs, *drawn).properties(width=262, height=180)
    facet = alt.Facet("task:N", title=None, sort=list(dict.fromkeys(row["task"] for row in rows)))
    return theme.spec_of(panel.facet(facet=facet, columns=3), rows + hollow)
