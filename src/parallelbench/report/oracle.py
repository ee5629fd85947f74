"""The section of a report on the oracle: how fast each adaptive decoder would be if its setting were chosen for each sample."""

from __future__ import annotations

from typing import Any

import altair as alt

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.analysis.oracle import LEFT_OUT, OF_TASK, PAPER
from parallelbench.report import charts, speeds, theme
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure, numbered
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, mark, number, percent

RULE = {
    PAPER: "best outcome (the paper's)",
    LEFT_OUT: "outcome left out",
    OF_TASK: "one setting for each task",
}
FIXED = "one setting for all samples"
COLOURS = {FIXED: "#0072b2", RULE[PAPER]: "#d55e00", RULE[LEFT_OUT]: "#009e73", RULE[OF_TASK]: "#cc79a7"}
COSTS = ("tokens_per_step", "content_tokens_per_forward", "nfe")
HEADER = ["curve", "setting of each sample", "accuracy", "tokens/step", "content tokens/forward", "forwards"]
HEADER += ["one setting at this accuracy", "times as fast"]
TEXT = (
    "How fast a decoder would be if its setting were chosen for each sample. Best outcome, the paper's oracle, looks at the "
    "outcomes under all settings and takes the fastest of the best, so luck counts as skill. Outcome left out goes from fast "
    "to slow until a setting is right and decodes with the next slower one, at which it has not looked; luck that differs "
    "between settings then counts for nothing, and what is gained is a lower bound. One setting for each task is chosen by "
    "one half of its samples for the other. All are compared with the fastest mixture of two settings, the same for all "
    "samples, that is as accurate; intervals are by bootstrap over samples."
)


def oracle(data: ReportData) -> Section | None:
    """The oracles of each model's adaptive decoders (`analysis.oracle`); None where no decoder ran with three settings."""
    rows = as_rows(data.oracles)
    if not rows:
        return None
    figures: list[Figure] = []
    tables: list[Table] = []
    for model in dict.fromkeys(row["model"] for row in rows):
        caption = f"{model}: settings chosen for each sample"
        tables.append(Table(caption, HEADER, [_line(row) for row in rows if row["model"] == model]))
        points = _points(data, [row for row in rows if row["model"] == model])
        name = numbered("oracle", len(figures))
        figures.append(Figure(name, f"{caption}, and the settings themselves; 95 % intervals.", _chart(points), points))
    return Section("oracle", "If each sample had its best setting", TEXT, figures, tables)


def _points(data: ReportData, rows: Rows) -> Rows:
    """The oracles of one model, and the settings of the same curves: the rows of the figure."""
    kept = ("series", "accuracy", "low", "high", *COSTS)
    curves = {(row["model"], row["series"]) for row in rows}
    settings = [row for row in as_rows(data.overall) if (row["model"], row["series"]) in curves]
    points = [{"choice": FIXED, "name": row["decoder"], **{key: row[key] for key in kept}} for row in settings]
    points += [{"choice": RULE[row["rule"]], "name": RULE[row["rule"]], **{key: row[key] for key in kept}} for row in rows]
    return [{key: None if value != value else value for key, value in point.items()} for point in points]


def _chart(points: Rows) -> theme.Spec:
    """Accuracy against tokens per step: one panel for each curve."""
    colour = alt.Color("choice:N", title=None, scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())))
    tooltip = [alt.Tooltip("name:N"), *speeds.tooltip()[1:]]
    speed = alt.X("tokens_per_step:Q", title="tokens per step", scale=alt.Scale(zero=True))
    base = alt.Chart(theme.ROWS).encode(x=speed, color=colour, tooltip=tooltip)
    line = base.mark_line(strokeWidth=1.2).encode(y=charts.score_axis(), order=alt.Order("tokens_per_step:Q"))
    bars = base.mark_rule(strokeWidth=1.3).encode(y=alt.Y("low:Q", title="accuracy", axis=charts.PERCENT), y2="high:Q")
    dots = base.mark_point(filled=True, size=85, opacity=1).encode(y=charts.score_axis())
    panel = alt.layer(line, bars, dots).properties(width=250, height=180)
    facet = alt.Facet("series:N", title=None, sort=list(dict.fromkeys(point["series"] for point in points)))
    return theme.spec_of(panel.facet(facet=facet, columns=3), points)


def _line(row: dict[str, Any]) -> list[Cell]:
    speed = number(row["tokens_per_step"])._replace(
        note=f"95 %: {row['tokens_per_step_low']:.2f} to {row['tokens_per_step_high']:.2f}"
    )
    fixed = number(row["fixed_tokens_per_step"])
    if not row["reached"]:
        fixed = fixed._replace(
            text=f"{fixed.text} at {percent(row['fixed_accuracy'])} %",
            note="no setting is as accurate; this is the most accurate",
        )
    ratio = f"{row['ratio']:.2f} [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}]"
    costs = [number(row["content_tokens_per_forward"]), number(row["nfe"])]
    return [Cell(row["series"]), Cell(RULE[row["rule"]]), mark(row), speed, *costs, fixed, Cell(ratio, right=True)]
