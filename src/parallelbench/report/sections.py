"""The parts of a report. A part is a function of the data; adding one is one line in `SECTIONS`."""

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
    """The same, task by task."""
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


def whose(data: ReportData) -> Section | None:
    """Whose the loss is: that of drawing independently, the decoder's, or the model's."""
    figures: list[Figure] = []
    for model, series in dict.fromkeys(zip(data.split["model"], data.split["series"], strict=True)):
        own = [row for row in as_rows(data.split) if (row["model"], row["series"]) == (model, series)]
        if len(own) > len(data.tasks):  # a curve, not a single setting
            rows = [part for row in own for part in _parts(row)]
            caption = f"{model} under {series}: how much of the accuracy is lost at each setting, and to what."
            figures.append(Figure(f"whose-{len(figures) + 1}", caption, charts.whose(rows), rows))
    if not figures:
        return None
    text = (
        "Three accuracies split each loss: the best that any choice of positions scores in as many forwards, its tokens drawn "
        "independently and kept; a perfect model under the same decoder; and this model under it. Where the best is unknown, "
        "its part is counted to the decoder. A decoder that draws jointly or takes back may score above that best, and a "
        "model above the perfect one by chance: then that part is nothing, and only what was really lost is shown."
    )
    return Section("whose", "Whose loss it is", text, figures)


def _parts(row: dict[str, Any]) -> Rows:
    perfect = max(row["measured"], row["exact"])
    best = 1.0 if math.isnan(row["best"]) else max(row["best"], perfect)
    lost = (1 - best, best - perfect, perfect - row["measured"])  # together what was lost, none below 0
    keys = {key: row[key] for key in ("model", "task", "decoder", "setting", "measured", "exact")}
    keys["best"] = None if math.isnan(row["best"]) else row["best"]
    return [
        {**keys, "part": name, "place": place, "loss": value}
        for place, (name, value) in enumerate(zip(PARTS, lost, strict=True))
    ]


def lost(data: ReportData) -> Section | None:
    """What each task loses with speed on one curve."""
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
    """Threshold beside top-k at equal speed."""
    pairs = as_rows(data.matched)
    if not pairs:
        return None
    figures = []
    for place, model in enumerate(data.models):
        rows = [side for pair in pairs if pair["model"] == model for side in _sides(pair)]
        if rows:
            caption = f"{model}: each top-k setting beside the threshold nearest in tokens per step (within a factor of √2)."
            figures.append(Figure("matched" + (f"-{place + 1}" if place else ""), caption, charts.matched(rows), rows))
    header = ["task", "top-k", "tokens/step", "accuracy", "threshold", "tokens/step", "accuracy", "difference", "McNemar p"]
    several = len(data.models) > 1
    caption = "All pairs; the difference in points is paired, over the same samples (Newcombe 95 %)"
    table = Table(caption, header, [_pair_line(pair, several) for pair in pairs], folded=True)
    return Section("matched", "Threshold beside top-k at equal speed", "", figures, [table])


def _sides(pair: dict[str, Any]) -> Rows:
    """The two points of a pair."""
    panel = f"near {pair['fixed_setting']}"
    sides = []
    for side in ("fixed_", "adaptive_"):
        of_side = {key.removeprefix(side): value for key, value in pair.items() if key.startswith(side)}
        sides.append({"task": pair["task"], "panel": panel, **of_side})
    return sides


def _pair_line(pair: dict[str, Any], several: bool) -> list[Cell]:
    task = Cell(f"{pair['model']} · {pair['task']}" if several else pair["task"])
    gain = f"{100 * pair['difference']:+.0f} [{100 * pair['difference_low']:+.0f}, {100 * pair['difference_high']:+.0f}]"
    p = "" if math.isnan(pair["p"]) else f"{pair['p']:.3f}"
    fixed, adaptive = (
        [Cell(pair[f"{side}decoder"]), number(pair[f"{side}tokens_per_step"]), mark(pair, side)]
        for side in ("fixed_", "adaptive_")
    )
    return [task, *fixed, *adaptive, Cell(gain, right=True), Cell(p, right=True)]


def numbers(data: ReportData) -> Section:
    """The tables: decoders overall, decoders by task, families in one number each."""
    header = ["decoder", "accuracy", "95 % interval", "tokens/step", "content tokens/forward", "forwards"]
    several, rows = len(data.models) > 1, as_rows(data.overall)
    flagged = any(row["flagged"] > 0 for row in rows)  # a guard had to end an answer, or a server cut it off
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
        own = [row for row in rows if (row["model"], row["series"]) == (model, series)]
        curve = [(row["tokens_per_step"], row["accuracy"]) for row in own]
        reach = [number(pbx(curve, bar, own[0]["adaptive"])) for bar in BARS]
        area = aup([(row["content_tokens_per_forward"], row["accuracy"]) for row in own], best)
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
    tradeoff, lost, by_task, why, whose, ranked, matched, numbers, metrics,
)  # fmt: skip
