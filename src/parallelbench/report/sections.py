"""The sections of a report. Each is built by a function from the report's data; `SECTIONS` lists the functions in order."""

from __future__ import annotations

from collections.abc import Callable

from parallelbench.analysis.frame import as_rows
from parallelbench.report import charts, published, reported
from parallelbench.report.blocks import blocks
from parallelbench.report.comparison import comparison
from parallelbench.report.curve_numbers import curve_numbers
from parallelbench.report.data import ReportData
from parallelbench.report.exact import above_lines, loss_parts
from parallelbench.report.failures import metrics, why
from parallelbench.report.figures import Figure, numbered
from parallelbench.report.lengths import lengths
from parallelbench.report.oracle import oracle
from parallelbench.report.ranked import ranked
from parallelbench.report.resources import cost_tables
from parallelbench.report.section import Section
from parallelbench.report.steady import steady
from parallelbench.report.tables import Cell, Table, mark
from parallelbench.report.task_map import task_map
from parallelbench.report.tradeoff import POINT, by_task, picked, tradeoff


def lost(data: ReportData) -> Section | None:
    """How much accuracy each task loses with speed along one curve."""
    figures = []
    for place, model in enumerate(data.shown_models):
        rows = [row for row in picked(as_rows(data.losses), ["task", *POINT, "speed", "loss"]) if row["model"] == model]
        if rows:
            caption = f"{model}: {data.curve} at the setting nearest to each speed. The bar spans the scores at all speeds."
            shades = data.looks.shades(rows[0]["family"], len({row["speed"] for row in rows}))
            figures.append(Figure(numbered("loss", place), caption, charts.losses(rows, shades), rows))
    if not figures:
        return None
    return Section("loss", "What speed costs", "", figures)


def numbers(data: ReportData) -> Section:
    """The tables: every decoder's mean over tasks, its accuracy on each task, and one number (PBx, AUP) for each curve."""
    curves = [table for table in (curve_numbers(data),) if table is not None]
    return Section("numbers", "The numbers", "", tables=[*cost_tables(data), _matrix(data), *curves])


def _matrix(data: ReportData) -> Table:
    scores = {(row["model"], row["decoder"], row["task"]): row for row in as_rows(data.points)}
    lines = []
    for model, decoder in dict.fromkeys((model, decoder) for model, decoder, _ in scores):
        found = [scores.get((model, decoder, task)) for task in data.tasks]
        name = f"{model} · {decoder}" if len(data.models) > 1 else decoder
        lines.append(
            [Cell(name, family=data.families[decoder]), *(mark(row) if row is not None else Cell("") for row in found)]
        )
    return Table("Accuracy by task in %; point at a cell for its interval", ["decoder", *data.tasks], lines, slanted=True)


SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    tradeoff, by_task, comparison, lost, why, loss_parts, above_lines, ranked, steady, oracle, task_map, lengths, blocks,
    published.beside_published, reported.beside_reported, numbers, metrics,
)  # fmt: skip
