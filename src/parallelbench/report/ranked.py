"""The section of a report that ranks the decoders: the fastest accurate setting of each with its costs, overall and by task."""

from __future__ import annotations

import math

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.analysis.ranking import by_task
from parallelbench.report.data import BARS, ReportData
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, mark, number

SHOWN = BARS[:2]
MIN_CURVES = 4  # with fewer curves the table of all numbers is short enough to read the ranking from
COSTS = ("tokens/step", "tokens/row", "forwards", "rows", "ms")


def ranked(data: ReportData) -> Section | None:
    """The ranking at each bar of mean accuracy, and the fastest decoders for each task; None with few curves."""
    if data.points["series"].nunique() < MIN_CURVES or data.overall.empty:
        return None
    tables = [_ranking(model, bar, rows) for bar in SHOWN for model, rows in _by_model(as_rows(data.rankings[bar]))]
    tables += [_best(model, rows) for model, rows in _by_model(as_rows(by_task(data.samples, SHOWN[0])))]
    text = (
        "Each decoder at its fastest setting with a mean accuracy over tasks of at least the bar. Every setting is chosen on "
        "one half of the samples and reported on the other, both ways; where the halves chose differently, both settings are "
        "named, that of the first half first. So an accuracy can lie below the bar. Steps count forwards; rows count branches "
        "and probes too; ms is wall time per sample on this machine. Saved: forwards fewer than with threshold, on the same "
        "samples; these intervals hold together with 95 %."
    )
    return Section("ranked", "Which decoder", text, tables=tables)


def _by_model(rows: Rows) -> list[tuple[str, Rows]]:
    return [(model, [row for row in rows if row["model"] == model]) for model in dict.fromkeys(row["model"] for row in rows)]


def _ranking(model: str, bar: float, rows: Rows) -> Table:
    header = ["decoder", "accuracy", *COSTS, "saved", "AUP by steps", "AUP by rows"]
    lines = []
    for row in rows:
        areas = [number(row["aup_step"]), number(row["aup_row"])]
        if not row["decoder"]:
            lines.append([Cell(row["series"]), *[Cell("")] * 7, *areas])
            continue
        saved = "" if math.isnan(row["saved"]) else f"{row['saved']:+.1f} [{row['saved_low']:+.1f}, {row['saved_high']:+.1f}]"
        paid = [number(row[key]) for key in ("tokens_per_step", "tokens_per_row", "nfe", "rows")]
        paid.append(number(1000 * row["seconds"]))
        lines.append([Cell(row["decoder"]), mark(row), *paid, Cell(saved, right=True), *areas])
    return Table(f"{model}: fastest setting with a mean accuracy of at least {100 * bar:.0f} %", header, lines)


def _best(model: str, rows: Rows) -> Table:
    lines = [
        [Cell(row["task"]), Cell(row["decoder"]), mark(row), number(row["tokens_per_step"])]
        if row["decoder"]
        else [Cell(row["task"]), Cell("none reaches the bar in both halves"), Cell(""), Cell("")]
        for row in rows
    ]
    caption = (
        f"{model}: the fastest on each task at an accuracy of at least {100 * SHOWN[0]:.0f} %, chosen on one half of the "
        "samples and reported on the other"
    )
    return Table(caption, ["task", "decoder", "accuracy", "tokens/step"], lines)
