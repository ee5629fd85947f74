"""The sections of a report about the reasons why answers failed, and about the metrics other than the headline one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter

import altair as alt
import numpy as np
import numpy.typing as npt

from parallelbench.analysis.failures import LABELS, over_tasks, reason_rates
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import theme
from parallelbench.report.charts import INDEPENDENT_AXES, PERCENT
from parallelbench.report.data import ReportData
from parallelbench.report.emphasis import HIDDEN, MOST, first_shown
from parallelbench.report.figures import Figure
from parallelbench.report.section import Section
from parallelbench.report.speeds import COLUMNS, SPEED_ONLY, axis, first_unit, parameter
from parallelbench.report.tables import Cell, Table, percent, rate
from parallelbench.report.theme import Spec

COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#7b5d2e", "#332288", "#44aa99", "#882255", "#999933",
    "#aa4499", "#117733", "#f0e442", "#6699cc", "#661100",
)  # fmt: skip


def why(data: ReportData) -> Section | None:
    """The fraction of answers that fail for each reason, against tokens per step."""
    table = reason_rates(data.samples, data.reasons)
    if table.empty:
        return None
    costs = data.points.groupby(["model", "decoder"])[COLUMNS].mean().to_dict("index")
    rows = [{**row, **costs[row["model"], row["decoder"]]} for row in over_tasks(table, data.samples)]
    several = len(data.models) > 1
    shown = [{"panel": f"{row['model']} · {row['family']}" if several else row["family"], **row} for row in rows]
    first = first_shown(data)
    drawn = [row for row in shown if row["family"] in first] if len(data.looks.names) > MOST else shown
    spec = chart(drawn)
    caption = (
        "Mean over tasks of the fraction of answers that fail for each reason, one panel per decoder, with the same colours "
        "and order in each. An answer with several reasons is split evenly among them; the parts have no interval, because "
        "they are read against each other. Click a part to open a sample that failed so."
    )
    if len(drawn) < len(shown):
        caption += " Drawn are the decoders that the first picture shows in full; the CSV file has all."
    figures = [] if spec is None else [Figure("why", caption, spec, shown)]
    text = "Reasons are given by fixed rules from what was asked and what was answered; an answer can have several."
    return Section("why", "How answers break", text, figures, [_reasons_by_task(data, as_rows(table)), _meanings(rows)])


def chart(rows: Rows) -> Spec | None:
    """Stacked bars: reasons against speed, one panel for each `panel`; None where no speed is known."""
    unit = first_unit(rows)
    if unit is None:
        return None
    present = {row["label"] for row in rows}
    labels = [name for name in LABELS if name in present]
    palette = [COLOURS[list(LABELS).index(name) % len(COLOURS)] for name in labels]
    legend = alt.Legend(orient="bottom", columns=3, labelLimit=0)
    bars = alt.Chart().mark_bar(size=11, orient="vertical").encode(
        x=axis(unit=unit),
        y=alt.Y("from:Q", title="answers", axis=PERCENT, scale=alt.Scale(domain=[0, 1])),
        y2="to:Q",
        color=alt.Color("label:N", title=None, scale=alt.Scale(domain=labels, range=palette), legend=legend),
        opacity=alt.condition(f"indexof({HIDDEN}, datum.family) >= 0", alt.value(0.05), alt.value(1.0)),
        tooltip=["decoder:N", "label:N", alt.Tooltip("rate:Q", title="answers that have it", format=".1%")],
    )  # fmt: skip
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    facet = alt.Facet("panel:N", title=None, sort=panels, header=alt.Header(labelAnchor="start", labelLimit=0))
    switched = alt.param(name=HIDDEN, value=[])
    panel = bars.properties(data=theme.ROWS, width=300, height=170).add_params(parameter(unit), switched)
    figure = panel.facet(facet=facet, columns=min(2, len(panels)), resolve=INDEPENDENT_AXES)
    return theme.spec_of(figure, _stacked(rows, labels), SPEED_ONLY)


def _stacked(rows: Rows, labels: list[str]) -> Rows:
    """The rows with the two ends, `from` and `to`, of each reason's part of a setting's bar, in the order of `labels`."""
    heights: dict[tuple[str, str], float] = {}
    stacked = []
    for row in sorted(rows, key=lambda row: labels.index(row["label"])):
        key = row["model"], row["decoder"]
        low = heights.get(key, 0.0)
        heights[key] = low + row["part"]
        stacked.append({**row, "from": low, "to": heights[key]})
    return stacked


def _reasons_by_task(data: ReportData, rows: Rows) -> Table:
    """The fraction of the answers to each task that have each reason, over all decoders."""
    present = [name for name in LABELS if any(row["label"] == name for row in rows)]
    answers = data.samples.groupby(["model", "task"]).size().to_dict()
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        counts[row["model"], row["task"], row["label"]] += row["count"]
    lines = []
    for model, task in ((model, task) for model in data.models for task in data.tasks if (model, task) in answers):
        name = f"{model} · {task}" if len(data.models) > 1 else task
        of_task = [counts[model, task, reason] for reason in present]
        lines.append([Cell(name), *(rate(n / answers[model, task]) if n else Cell("", right=True) for n in of_task)])
    return Table("Reasons by task, in % of all answers to the task", ["task", *present], lines, folded=True, slanted=True)


def _meanings(rows: Rows) -> Table:
    present = [name for name in LABELS if any(row["label"] == name for row in rows)]
    lines = [[Cell(name), Cell(LABELS[name])] for name in present]
    return Table("What the reasons mean", ["reason", "meaning"], lines, folded=True)


def metrics(data: ReportData) -> Section | None:
    """The table of the means of all metrics, for each task and decoder."""
    scores = data.samples["scores"].tolist()
    names, values = _columns(scores)
    groups = data.samples.groupby(["model", "task", "decoder"], sort=False)
    settings, codes = list(groups.size().index), np.asarray(groups.ngroup(), dtype=np.int64)
    columns = [_means(values[:, place], codes, len(settings)) for place in range(len(names))]
    lines = []
    for (model, task, decoder), *means in zip(settings, *columns, strict=True):
        lines.append([Cell(f"{model} · {task}" if len(data.models) > 1 else task), Cell(decoder), *means])
    caption = "Every metric, mean in %; the last section says what computed each"
    table = Table(caption, ["task", "decoder", *names], lines, folded=True, slanted=True)
    return Section("metrics", "Every metric", "", tables=[table])


def _columns(scores: Sequence[Mapping[str, float]]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """The names of all metrics, and the scores of all samples as a matrix [n, metrics], NaN where a sample lacks a metric."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    for row, kind in enumerate(map(tuple, scores)):
        kinds.setdefault(kind, []).append(row)
    names = list(dict.fromkeys(name for kind in kinds for name in kind))
    values = np.full((len(names), len(scores)), np.nan)
    for kind, rows in kinds.items():
        inside = [scores[row] for row in rows]
        for name in kind:
            values[names.index(name), rows] = list(map(itemgetter(name), inside))
    return names, values.T


def _means(values: npt.NDArray[np.float64], codes: npt.NDArray[np.int64], groups: int) -> list[Cell]:
    """The mean of a metric over the samples of each group that have it; `codes` are the groups of the samples."""
    known = ~np.isnan(values)
    counts = np.bincount(codes[known], minlength=groups)
    means = np.bincount(codes[known], values[known], minlength=groups) / np.maximum(1, counts)
    return [_mean(float(mean), int(count)) for mean, count in zip(means, counts, strict=True)]


def _mean(mean: float, count: int) -> Cell:
    return Cell(percent(mean), mean, f"{count} answers", right=True) if count else Cell("", right=True)
