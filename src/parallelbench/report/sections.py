"""The sections of a report. Each is built by a function from the report's data; `SECTIONS` lists the functions in order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import aup, pbx
from parallelbench.analysis.split import ceiling_of
from parallelbench.report import charts
from parallelbench.report.charts import Rows
from parallelbench.report.data import ReportData
from parallelbench.report.failures import metrics, why
from parallelbench.report.figures import Figure
from parallelbench.report.ranked import ranked
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, mark, number, percent, rate
from parallelbench.report.theme import PARTS

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
BARS = (0.9, 0.8, 0.7)
CEILINGS = " Dashed: a perfect model under the same decoder. Grey: the best for independent draws that are never taken back."
STEPS = "Steps join the settings that no other of the same family beats; between two settings there is no decoder."


def tradeoff(data: ReportData) -> Section | None:
    """Mean accuracy over tasks against tokens per step."""
    rows = charts.known(_picked(as_rows(data.overall), [key for key in POINT if key != "task"]))
    if not rows:
        return None
    caption = (
        f"Mean over tasks of accuracy and of tokens per step, with 95 % intervals. {STEPS} Click a decoder to single it out."
    )
    figure = Figure("tradeoff", caption, charts.overall(rows, data.models), rows)
    return Section("tradeoff", "Accuracy against speed", "", [figure])


def by_task(data: ReportData) -> Section | None:
    """Accuracy against tokens per step for each task."""
    figures = []
    for place, model in enumerate(data.models):
        points = charts.known(_picked(as_rows(data.points), POINT))
        rows = [row for row in points if row["model"] == model]
        if not rows:
            continue
        exact = _ceiling(data, model, points)
        intervals = "95 % intervals over samples (Wilson's for scores of 0 and 1)"
        caption = f"{model}: one panel per task, {intervals}." + (CEILINGS if exact else "")
        chart = charts.by_task(rows, exact, data.best)
        figures.append(Figure("by-task" + (f"-{place + 1}" if place else ""), caption, chart, rows))
    return Section("by-task", "Task by task", "", figures) if figures else None


def _ceiling(data: ReportData, model: str, points: Rows) -> Rows:
    """The points of the exact model that is a learned model's ceiling; none for an exact model."""
    of_model = data.points[data.points["model"] == model].iloc[0]
    ceiling = None if of_model["exact"] else ceiling_of(data.points, str(of_model["tokenizer"]))
    return [row for row in points if row["model"] == ceiling]


def loss_parts(data: ReportData) -> Section | None:
    """How much of each loss is due to independent draws, to the decoder and to the model (`analysis.split`)."""
    figures: list[Figure] = []
    for model, series in dict.fromkeys(zip(data.split["model"], data.split["series"], strict=True)):
        curve = [row for row in as_rows(data.split) if (row["model"], row["series"]) == (model, series)]
        if len(curve) > len(data.tasks):  # several settings, not one
            rows = [part for row in curve for part in _parts(row)]
            caption = f"{model} under {series}: how much of the accuracy is lost at each setting, and to what."
            figures.append(Figure(f"loss-parts-{len(figures) + 1}", caption, charts.loss_parts(rows), rows))
    if not figures:
        return None
    text = (
        "Each loss is split by three accuracies: the best accuracy of any decoder that draws tokens independently and never "
        "changes them, in as many forwards; that of a perfect model under the same decoder; and that of this model under it. "
        "Where the best accuracy is unknown, its part of the loss is counted as the decoder's. A decoder that draws jointly or "
        "remasks can exceed the best accuracy, and a model can exceed the perfect one by chance; that part is then drawn as 0."
    )
    return Section("loss-parts", "What each loss is due to", text, figures)


def _parts(row: dict[str, Any]) -> Rows:
    perfect = max(row["measured"], row["exact"])
    best = 1.0 if math.isnan(row["best"]) else max(row["best"], perfect)
    lost = (1 - best, best - perfect, perfect - row["measured"])  # they sum to 1 - measured; none is negative
    keys = {key: row[key] for key in ("model", "task", "decoder", "setting", "measured", "exact")}
    keys["best"] = None if math.isnan(row["best"]) else row["best"]
    return [
        {**keys, "part": name, "place": place, "loss": value}
        for place, (name, value) in enumerate(zip(PARTS, lost, strict=True))
    ]


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
    header = ["task", "top-k", "tokens/step", "accuracy", "threshold", "tokens/step", "accuracy", "difference", "McNemar p"]
    several = len(data.models) > 1
    caption = "All comparisons; the difference in percentage points is paired, over the same samples (Newcombe 95 %)"
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
    return Section("numbers", "The numbers", "", tables=[*tables, _matrix(data), *_summaries(data)])


def _matrix(data: ReportData) -> Table:
    scores = {(row["model"], row["decoder"], row["task"]): row for row in as_rows(data.points)}
    lines = []
    for model, decoder in dict.fromkeys((model, decoder) for model, decoder, _ in scores):
        found = [scores.get((model, decoder, task)) for task in data.tasks]
        name = f"{model} · {decoder}" if len(data.models) > 1 else decoder
        lines.append([Cell(name), *(mark(row) if row is not None else Cell("") for row in found)])
    return Table("Accuracy by task in %; point at a cell for its interval", ["decoder", *data.tasks], lines, slanted=True)


def _summaries(data: ReportData) -> list[Table]:
    """PBx and AUP of each curve."""
    rows = as_rows(data.overall)
    if not rows:
        return []
    best = max(row["accuracy"] for row in rows)
    lines = []
    for model, series in dict.fromkeys((row["model"], row["series"]) for row in rows):
        settings = [row for row in rows if (row["model"], row["series"]) == (model, series)]
        curve = [(row["tokens_per_step"], row["accuracy"]) for row in settings]
        reach = [number(pbx(curve, bar, settings[0]["adaptive"])) for bar in BARS]
        area = aup([(row["content_tokens_per_forward"], row["accuracy"]) for row in settings], best)
        lines.append([Cell(f"{model} · {series}" if len(data.models) > 1 else series), *reach, number(area)])
    header = ["curve", *(f"PB{100 * bar:.0f}" for bar in BARS), "AUP by forwards"]
    caption = (
        "Curves in one number: PBx, most tokens per step at x % mean accuracy; AUP, accuracy under parallelism, by content "
        "tokens per forward"
    )
    return [Table(caption, header, lines)]


def _picked(rows: Rows, keys: list[str]) -> Rows:
    return [{key: row[key] for key in keys} for row in rows]


SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    tradeoff, lost, by_task, why, loss_parts, ranked, matched, numbers, metrics,
)  # fmt: skip
