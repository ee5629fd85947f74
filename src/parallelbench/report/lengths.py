"""The section of a report on the length of lists: accuracy against the number of items, at several speeds."""

from __future__ import annotations

import altair as alt

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import charts, theme
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure, numbered
from parallelbench.report.section import Section
from parallelbench.report.speeds import tooltip

MIN_LENGTHS = 3
TEXT = (
    "Accuracy against the number of items in the list, at the setting of each decoder that is nearest to 1, 2, 4 and 8 tokens "
    "per step at that length. Where samples of several lengths ran together, each length has few of them."
)


def lengths(data: ReportData) -> Section | None:
    """Accuracy by length (`analysis.lengths`); None where no task ran with three lengths."""
    rows = as_rows(data.by_length)
    figures: list[Figure] = []
    for model in data.models:
        inside = [row for row in rows if row["model"] == model]
        counts = {task: len({row["length"] for row in inside if row["task"] == task}) for task in data.tasks}
        drawn = [row for row in inside if counts[row["task"]] >= MIN_LENGTHS]
        if drawn:
            name = numbered("lengths", len(figures))
            figures.append(Figure(name, f"{model}: one panel per task, 95 % intervals.", _chart(drawn), drawn))
    return Section("lengths", "The length of the list", TEXT, figures) if figures else None


def _chart(rows: Rows) -> theme.Spec:
    speeds = sorted({row["speed"] for row in rows})
    scale = alt.Scale(domain=speeds, range=list(theme.SPEEDS[: len(speeds)]))
    ticks = sorted({row["length"] for row in rows})
    base = alt.Chart(theme.ROWS).encode(
        x=alt.X("length:Q", title="items", axis=alt.Axis(values=ticks, format="d"), scale=alt.Scale(zero=False, padding=8)),
        color=alt.Color("speed:O", title="tokens per step", scale=scale),
        strokeDash=alt.StrokeDash("series:N", title="decoder"),
        tooltip=[alt.Tooltip("length:Q", title="items"), *tooltip(), alt.Tooltip("n:Q", title="samples")],
    )
    bars = base.mark_rule(opacity=0.5).encode(y=alt.Y("low:Q", title="accuracy", axis=charts.PERCENT), y2="high:Q")
    lines = base.mark_line(point={"size": 45, "filled": True, "opacity": 1}, strokeWidth=1.6).encode(y=charts.score_axis())
    panel = alt.layer(bars, lines).properties(width=262, height=180)
    facet = alt.Facet("task:N", title=None, sort=list(dict.fromkeys(row["task"] for row in rows)))
    return theme.spec_of(panel.facet(facet=facet, columns=3), rows)
