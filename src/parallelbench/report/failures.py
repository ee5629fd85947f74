"""The sections of a report about the reasons why answers failed, and about the metrics other than the headline one."""

from __future__ import annotations

from typing import Any

import altair as alt

from parallelbench.analysis.failures import LABELS, over_tasks, reason_rates, reasons
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import theme
from parallelbench.report.charts import PERCENT
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, percent, rate
from parallelbench.report.theme import Spec
from parallelbench.runs.scores import backends

COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#7b5d2e", "#332288", "#44aa99", "#882255", "#999933",
    "#aa4499", "#117733", "#f0e442", "#6699cc", "#661100",
)  # fmt: skip


def why(data: ReportData) -> Section | None:
    """The fraction of answers that fail for each reason, against tokens per step."""
    table = reason_rates(data.samples, reasons(data.run))
    if table.empty:
        return None
    rows = over_tasks(table, data.samples)
    figures = []
    for place, model in enumerate(data.models):
        of_model = [row for row in rows if row["model"] == model and row["tokens_per_step"] == row["tokens_per_step"]]
        if of_model:
            caption = (
                f"{model}: mean over tasks of the fraction of answers that fail for each reason, against tokens per step, one "
                "panel per decoder. An answer with several reasons is split evenly among them."
            )
            figures.append(Figure("why" + (f"-{place + 1}" if place else ""), caption, chart(of_model), of_model))
    text = "Reasons are given by fixed rules from what was asked and what was answered; an answer can have several."
    return Section("why", "How answers break", text, figures, [_reasons_by_task(data, as_rows(table)), _meanings(rows)])


def chart(rows: Rows) -> Spec:
    """Stacked bars: reasons against tokens per step, one panel per decoder family."""
    present = {row["label"] for row in rows}
    labels = [name for name in LABELS if name in present]
    shown = [{**row, "place": labels.index(row["label"])} for row in _by_speed(rows)]
    speeds = sorted({row["speed"] for row in shown}, key=float)
    families = list(dict.fromkeys(row["family"] for row in shown))
    palette = [COLOURS[place % len(COLOURS)] for place in range(len(labels))]
    bars = alt.Chart(theme.ROWS).mark_bar().encode(
        x=alt.X("speed:N", sort=speeds, title="tokens per step", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y("part:Q", title="answers", axis=PERCENT, scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("label:N", title="reason", scale=alt.Scale(domain=labels, range=palette)),
        order=alt.Order("place:Q"),
        tooltip=["speed:N", "label:N", alt.Tooltip("rate:Q", title="answers that have it", format=".1%")],
    )  # fmt: skip
    facet = alt.Facet("family:N", title=None, sort=families, header=alt.Header(labelAnchor="start"))
    panels = bars.properties(width=400 if len(families) > 1 else 800, height=220).facet(facet=facet, columns=2)
    return theme.spec_of(panels.resolve_scale(x="independent"), shown)


def _by_speed(rows: Rows) -> Rows:
    """Average the settings of a family that have the same tokens per step, rounded to one decimal."""
    settings: dict[tuple[str, str], set[str]] = {}
    summed: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        speed = f"{row['tokens_per_step']:.1f}"
        settings.setdefault((row["family"], speed), set()).add(row["decoder"])
        blank = {"family": row["family"], "speed": speed, "label": row["label"], "part": 0.0, "rate": 0.0}
        total = summed.setdefault((row["family"], speed, row["label"]), blank)
        total["part"] += row["part"]
        total["rate"] += row["rate"]
    for (family, speed, _), total in summed.items():
        for name in ("part", "rate"):
            total[name] /= len(settings[family, speed])
    return list(summed.values())


def _reasons_by_task(data: ReportData, rows: Rows) -> Table:
    """The fraction of the answers to each task that have each reason, over all decoders."""
    present = [name for name in LABELS if any(row["label"] == name for row in rows)]
    lines = []
    for model in data.models:
        for task in data.tasks:
            samples = data.samples[(data.samples["model"] == model) & (data.samples["task"] == task)]
            if len(samples):
                of_task = [row for row in rows if (row["model"], row["task"]) == (model, task)]
                counts = [sum(row["count"] for row in of_task if row["label"] == reason) for reason in present]
                name = f"{model} · {task}" if len(data.models) > 1 else task
                rates = (rate(count / len(samples)) if count else Cell("", right=True) for count in counts)
                lines.append([Cell(name), *rates])
    return Table("Reasons by task, in % of all answers to the task", ["task", *present], lines, folded=True, slanted=True)


def _meanings(rows: Rows) -> Table:
    present = [name for name in LABELS if any(row["label"] == name for row in rows)]
    lines = [[Cell(name), Cell(LABELS[name])] for name in present]
    return Table("What the reasons mean", ["reason", "meaning"], lines, folded=True)


def metrics(data: ReportData) -> Section | None:
    """The table of the means of all metrics, for each task and decoder."""
    names = list(dict.fromkeys(name for scores in data.samples["scores"] for name in scores))
    lines = []
    for key, scores in data.samples.groupby(["model", "task", "decoder"], sort=False)["scores"]:
        model, task, decoder = map(str, key)
        named = [Cell(f"{model} · {task}" if len(data.models) > 1 else task), Cell(decoder)]
        values: dict[str, list[float]] = {name: [] for name in names}
        for name, value in (pair for one in scores for pair in one.items()):
            values[name].append(value)
        lines.append([*named, *map(_mean, values.values())])
    by = {name: "; ".join(sorted(ways)) for name, ways in backends(data.run).items() if name in names}
    caption = "Every metric, mean in %" + "".join(f"; {name} by {way}" for name, way in by.items())
    table = Table(caption, ["task", "decoder", *names], lines, folded=True, slanted=True)
    return Section("metrics", "Every metric", "", tables=[table])


def _mean(values: list[float]) -> Cell:
    if not values:
        return Cell("", right=True)
    mean = sum(values) / len(values)
    return Cell(percent(mean), mean, f"{len(values)} answers", right=True)
