"""The sections of a report. Each is built by a function from the report's data; `SECTIONS` lists the functions in order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import charts, published
from parallelbench.report import lines as line_rows
from parallelbench.report.curve_numbers import curve_numbers
from parallelbench.report.data import ReportData
from parallelbench.report.exact import above_lines, loss_parts
from parallelbench.report.failures import metrics, why
from parallelbench.report.figures import Figure
from parallelbench.report.lengths import lengths
from parallelbench.report.oracle import oracle
from parallelbench.report.ranked import ranked
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, mark, number, percent, rate
from parallelbench.report.task_map import task_map

POINT = [
    "model",
    "task",
    "decoder",
    "family",
    "variant",
    "tokens_per_step",
    "content_tokens_per_forward",
    "nfe",
    "accuracy",
    "low",
    "high",
]
STEPS = "Steps join the settings that no other of the same family beats; between two settings there is no decoder."


def tradeoff(data: ReportData) -> Section | None:
    """Mean accuracy over tasks against tokens per step."""
    rows = charts.known(_picked(as_rows(data.overall), [key for key in POINT if key != "task"]))
    if not rows:
        return None
    caption = (
        f"Mean over tasks of accuracy and of tokens per step, with 95 % intervals. {STEPS} Click a decoder to single it out."
    )
    behind = published.mean_rows(data, rows)
    figure = Figure("tradeoff", caption + published.caption(behind), charts.overall(rows, data.models, behind), rows)
    return Section("tradeoff", "Accuracy against speed", "", [figure])


def by_task(data: ReportData) -> Section | None:
    """Accuracy against tokens per step for each task."""
    figures = []
    for place, model in enumerate(data.models):
        points = charts.known(_picked(as_rows(data.points), POINT))
        rows = [row for row in points if row["model"] == model]
        if not rows:
            continue
        ceiling = data.exact_model_of(model)
        exact = [row for row in points if row["model"] == ceiling]
        intervals = "95 % intervals over samples (Wilson's for scores of 0 and 1)"
        caption = f"{model}: one panel per task, {intervals}." + (line_rows.CAPTION if exact else "")
        behind = line_rows.rows_of_lines(rows, exact, data.curves_of(ceiling)) if exact else []
        hollow = published.published_rows(data, model)
        chart = charts.by_task(rows, behind + hollow)
        name = "by-task" + (f"-{place + 1}" if place else "")
        figures.append(Figure(name, caption + published.caption(hollow), chart, rows))
    return Section("by-task", "Task by task", "", figures) if figures else None


def lost(data: ReportData) -> Section | None:
    """How much accuracy each task loses with speed along one curve."""
    figures = []
    for place, model in enumerate(data.models):
        rows = [row for row in _picked(as_rows(data.losses), [*POINT, "speed", "loss"]) if row["model"] == model]
        if rows:
            caption = f"{model}: {data.curve} at the setting nearest to each speed. The bar spans the scores at all speeds."
            figures.append(Figure("loss" + (f"-{place + 1}" if place else ""), caption, charts.losses(rows), rows))
    if not figures:
        return None
    return Section("loss", "What speed costs", "", figures)


def matched(data: ReportData) -> Section | None:
    """Threshold and top-k (`confidence`) compared at equal speed."""
    matches = as_rows(data.matched)
    if not matches:
        return None
    figures = []
    for place, model in enumerate(data.models):
        rows = [point for match in matches if match["model"] == model for point in _points(match)]
        if rows:
            caption = f"{model}: each top-k setting with the threshold nearest in tokens per step (within a factor of √2)."
            figures.append(Figure("matched" + (f"-{place + 1}" if place else ""), caption, charts.matched(rows), rows))
    header = ["task", "top-k", "tokens/step", "accuracy", "threshold", "tokens/step", "accuracy", "difference", "p"]
    several = len(data.models) > 1
    caption = (
        "All comparisons; the difference in percentage points is paired, over the same samples (Newcombe 95 %); p is "
        "McNemar's, corrected for the number of comparisons (Holm)"
    )
    table = Table(caption, header, [_matched_cells(match, several) for match in matches], folded=True)
    return Section("matched", "Threshold against top-k at equal speed", "", figures, [table])


def _points(match: dict[str, Any]) -> Rows:
    """The two points of a row of `matched.match_speeds`: the fixed setting and the adaptive one."""
    panel = f"near {match['fixed_setting']}"
    points = []
    for side in ("fixed_", "adaptive_"):
        of_side = {key.removeprefix(side): value for key, value in match.items() if key.startswith(side)}
        points.append({"task": match["task"], "panel": panel, **of_side})
    return points


def _matched_cells(match: dict[str, Any], several: bool) -> list[Cell]:
    task = Cell(f"{match['model']} · {match['task']}" if several else match["task"])
    gain = f"{100 * match['difference']:+.0f} [{100 * match['difference_low']:+.0f}, {100 * match['difference_high']:+.0f}]"
    p = "" if math.isnan(match["p"]) else f"{match['p']:.3f}"
    fixed, adaptive = (
        [Cell(match[f"{side}decoder"]), number(match[f"{side}tokens_per_step"]), mark(match, side)]
        for side in ("fixed_", "adaptive_")
    )
    return [task, *fixed, *adaptive, Cell(gain, right=True), Cell(p, right=True)]


def numbers(data: ReportData) -> Section:
    """The tables: every decoder's mean over tasks, its accuracy on each task, and one number (PBx, AUP) for each curve."""
    header = ["decoder", "accuracy", "95 % interval", "tokens/step", "content tokens/forward", "forwards"]
    several, rows = len(data.models) > 1, as_rows(data.overall)
    flagged = any(row["flagged"] > 0 for row in rows)  # some sample reached the limit of forwards, or a server ended it early
    header += ["cut short"] if flagged else []
    lines = []
    for row in rows:
        interval = f"{percent(row['low'])} to {percent(row['high'])}"
        costs = [number(row[key]) for key in ("tokens_per_step", "content_tokens_per_forward", "nfe")]
        name = f"{row['model']} · {row['decoder']}" if several else row["decoder"]
        cut = [Cell(f"{percent(row['flagged'])} %", right=True)] if flagged else []
        lines.append([Cell(name), rate(row["accuracy"]), Cell(interval), *costs, *cut])
    tables = [Table("Mean over tasks", header, lines)] if lines else []
    curves = [table for table in (curve_numbers(data),) if table is not None]
    return Section("numbers", "The numbers", "", tables=[*tables, _matrix(data), *curves])


def _matrix(data: ReportData) -> Table:
    scores = {(row["model"], row["decoder"], row["task"]): row for row in as_rows(data.points)}
    lines = []
    for model, decoder in dict.fromkeys((model, decoder) for model, decoder, _ in scores):
        found = [scores.get((model, decoder, task)) for task in data.tasks]
        name = f"{model} · {decoder}" if len(data.models) > 1 else decoder
        lines.append([Cell(name), *(mark(row) if row is not None else Cell("") for row in found)])
    return Table("Accuracy by task in %; point at a cell for its interval", ["decoder", *data.tasks], lines, slanted=True)


def _picked(rows: Rows, keys: list[str]) -> Rows:
    return [{key: row[key] for key in keys} for row in rows]


SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    tradeoff, lost, by_task, why, loss_parts, above_lines, ranked, oracle, matched, task_map, lengths,
    published.beside_published, numbers, metrics,
)  # fmt: skip
