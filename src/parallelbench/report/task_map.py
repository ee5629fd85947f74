"""The section of a report with the task map: how parallel each task can be decoded, and in which order it is decoded best."""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import theme
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure, numbered
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table

TEXT = (
    "Parallelizability is the centre of mass of a task's accuracies over the tokens per forward k, and order preference minus "
    "the slope of accuracy against the block length at k = 2, in points per token: above 0 short blocks, and so decoding from "
    "left to right, are better. Both are means over random, confidence, margin and entropy as far as they ran; intervals are "
    "by bootstrap over samples."
)
X, Y = "parallelizability", "order_preference"


def task_map(data: ReportData) -> Section | None:
    """The map of each model's tasks (`analysis.task_map`); None where too few values of k or block lengths ran."""
    rows = as_rows(data.task_map)
    figures: list[Figure] = []
    tables: list[Table] = []
    for model in dict.fromkeys(row["model"] for row in rows):
        inside = [row for row in rows if row["model"] == model]
        both = [row for row in inside if not math.isnan(row[X]) and not math.isnan(row[Y])]
        if both:
            name = numbered("task-map", len(figures))
            figures.append(Figure(name, f"{model}: one point per task, with 95 % intervals.", _chart(_named(both)), both))
        tables.append(_table(model, inside))
    return Section("task-map", "Which tasks can be decoded in parallel", TEXT, figures, tables) if tables else None


def _table(model: str, rows: Rows) -> Table:
    """The tasks by falling parallelizability, with the numbers that some task has."""
    kinds = {X: ("parallelizability", 1.0, "{:.2f}"), Y: ("order preference", 100.0, "{:+.2f}")}
    shown = {key: kind for key, kind in kinds.items() if not all(math.isnan(row[key]) for row in rows)}
    ordered = sorted(rows, key=lambda row: -row[X] if not math.isnan(row[X]) else math.inf)
    lines = [[Cell(row["task"]), *(_cell(row, key, *kind[1:]) for key, kind in shown.items())] for row in ordered]
    return Table(f"{model}: task map", ["task", *(name for name, *_ in shown.values())], lines)


def _cell(row: dict[str, Any], name: str, scale: float, form: str) -> Cell:
    if math.isnan(row[name]):
        return Cell("")
    value, low, high = (form.format(scale * row[key]) for key in (name, f"{name}_low", f"{name}_high"))
    return Cell(f"{value} [{low}, {high}]", right=True)


def _named(rows: Rows) -> Rows:
    """The rows in points per token, with a label for each point: of tasks at one point the number, on the first of them."""
    at: dict[tuple[float, float], list[str]] = {}
    for row in rows:
        at.setdefault((round(row[X], 2), round(row[Y], 4)), []).append(row["task"])
    labels = {names[0]: ", ".join(names) if len(names) < 3 else f"{len(names)} tasks" for names in at.values()}
    return [
        {**row, **{key: 100 * row[key] for key in (Y, f"{Y}_low", f"{Y}_high")}, "label": labels.get(row["task"], "")}
        for row in rows
    ]


def _chart(rows: Rows) -> theme.Spec:
    scale = alt.Scale(zero=False, padding=12)
    base = alt.Chart(theme.ROWS)
    x = alt.X(f"{X}:Q", title="parallelizability", scale=scale)
    y = alt.Y(f"{Y}:Q", title="order preference, points per token", scale=scale)
    across = base.mark_rule(color="#9aa5b1").encode(x=alt.X(f"{X}_low:Q"), x2=f"{X}_high:Q", y=y)
    up = base.mark_rule(color="#9aa5b1").encode(y=alt.Y(f"{Y}_low:Q"), y2=f"{Y}_high:Q", x=x)
    shown = [alt.Tooltip(name) for name in ("task:N", f"{X}:Q", f"{Y}:Q")]
    dots = base.mark_point(filled=True, size=85, opacity=1, color="#0072b2").encode(x=x, y=y, tooltip=shown)
    names = base.mark_text(align="left", dx=7, dy=-6, fontSize=11).encode(x=x, y=y, text="label:N")
    return theme.spec_of(alt.layer(across, up, dots, names).properties(width=760, height=420), rows)
