"""The section of a report on whether the ranking of decoders holds under other wordings, end tokens, lengths and prompts."""

from __future__ import annotations

from typing import Any

import altair as alt

from parallelbench.analysis.conditions import AXES
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.analysis.steadiness import CHANGED
from parallelbench.report import theme
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, number

HEADER = ["model", "between", "decoders", "tasks", "samples", "tau", "other samples", "keep their order", "change places"]
HEADER += ["cannot tell"]
PLACES = ["model", "between", "decoder", "other", "difference under the first", "under the second", "p"]
LONGEST = 40
"""Characters of a system prompt that a table shows."""
TEXT = (
    "Decoders are ranked by their mean accuracy over tasks, once under each of two conditions that differ in nothing else, and "
    "the rankings are compared by Kendall's tau (1: the same order, 0: nothing in common); intervals are by bootstrap over "
    "samples. Noise alone lowers tau: 'other samples' is about the tau that the same evaluation with other samples would show. "
    "Two decoders keep their order, or change places, only if both differences are distinguishable from 0, after Holm's "
    "correction for all comparisons here."
)


def steady(data: ReportData) -> Section | None:
    """The rankings under each two conditions (`analysis.steadiness`); None where no condition has two values."""
    rows = [{**row, "between": between(row)} for row in as_rows(data.steadiness.rankings)]
    if not rows:
        return None
    places = as_rows(data.steadiness.places)
    changed = [row for row in places if row["verdict"] == CHANGED]
    tables = [Table("Rankings under two conditions", HEADER, [_line(row) for row in rows])]
    if changed:
        tables.append(Table("Decoders that change places; differences in points", PLACES, [_place(row) for row in changed]))
    said = "" if changed else f" Of the {len(places)} comparisons of two decoders here, none shows a change of places."
    caption = "Kendall's tau with 95 % intervals; the tick is what other samples alone would do."
    known = [{key: None if value != value else value for key, value in row.items()} for row in rows]
    return Section("steady", "How steady is the ranking", TEXT + said, [Figure("steady", caption, _chart(rows), known)], tables)


def between(row: dict[str, Any]) -> str:
    """Name the two conditions of a row."""
    first, second = (_named(row[key]) for key in ("first", "second"))
    return f"{AXES[row['axis']]}: {first} and {second}"


def _named(value: Any) -> str:
    text = " ".join(str(value).split()) or "none"
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _chart(rows: Rows) -> theme.Spec:
    """Tau with its interval, one line for each two conditions."""
    tooltip = [alt.Tooltip("between:N"), *(alt.Tooltip(f"{key}:Q", format=".2f") for key in ("tau", "low", "high", "again"))]
    y = alt.Y("between:N", title=None, sort=None, axis=alt.Axis(labelLimit=420))
    base = alt.Chart(theme.ROWS).encode(y=y, tooltip=tooltip)
    scale = alt.Scale(domain=[min([0.0, *(row["low"] for row in rows if row["low"] == row["low"])]), 1])
    bars = base.mark_rule(strokeWidth=1.6, color="#0072b2").encode(
        x=alt.X("low:Q", title="Kendall's tau", scale=scale), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=70, opacity=1, color="#0072b2").encode(x=alt.X("tau:Q", scale=scale))
    ticks = base.mark_tick(thickness=2, size=14, color=theme.QUIET).encode(x=alt.X("again:Q", scale=scale))
    panel = alt.layer(bars, ticks, dots).properties(width=420)
    return theme.spec_of(panel.facet(row=alt.Row("model:N", title=None, sort=None)).resolve_scale(y="independent"), rows)


def _line(row: dict[str, Any]) -> list[Cell]:
    counts = [Cell(str(row[key]), right=True) for key in ("decoders", "tasks", "n")]
    verdicts = [Cell(str(row[key]), right=True) for key in ("kept", "changed", "unknown")]
    tau = Cell(f"{row['tau']:.2f} [{row['low']:.2f}, {row['high']:.2f}]" if row["tau"] == row["tau"] else "unknown", right=True)
    return [Cell(row["model"]), Cell(row["between"]), *counts, tau, number(row["again"]), *verdicts]


def _place(row: dict[str, Any]) -> list[Cell]:
    points = [Cell(f"{100 * row[key]:+.1f}", right=True) for key in ("difference_first", "difference_second")]
    names = [Cell(row["model"]), Cell(between(row)), Cell(row["decoder"]), Cell(row["other"])]
    return [*names, *points, Cell(f"{row['p']:.3f}" if row["p"] >= 0.001 else "below 0.001", right=True)]
