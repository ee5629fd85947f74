"""The sections of a report that compare with exact models: the parts of each loss, and what lies above a line."""

from __future__ import annotations

import math
from typing import Any

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure
from parallelbench.report.loss_chart import loss_parts as loss_chart
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, number, percent
from parallelbench.report.theme import PARTS

SEVERAL_TOKENS = (
    " The lines are those of one token an item. Where a tokenizer cuts items into several, a forward shows several draws of "
    "one item, and a decoder can keep a part of it, so it may lie above them."
)


def loss_parts(data: ReportData) -> Section | None:
    """How much of each loss is due to independent draws, to the decoder and to the model (`analysis.split`)."""
    figures: list[Figure] = []
    for model, series in dict.fromkeys(zip(data.split["model"], data.split["series"], strict=True)):
        curve = [row for row in as_rows(data.split) if (row["model"], row["series"]) == (model, series)]
        if len(curve) > len(data.tasks):  # several settings, not one
            rows = [part for row in curve for part in parts(row)]
            caption = (
                f"{model} under {series}, compared with {curve[0]['exact_model']}: how much accuracy is lost at each setting, "
                "and to what. A part below 0 is a gain: the decoder is above the line after the draw, or the model above its "
                "exact model."
            )
            figures.append(Figure(f"loss-parts-{len(figures) + 1}", caption, loss_chart(rows), rows))
    if not figures:
        return None
    text = (
        "Each loss is the sum of three parts. Drawing independently: what is lost by the best sampler that draws every open "
        "position independently, chooses after the draw which tokens to keep, never changes them, and takes as many forwards. "
        "The decoder: what the exact model under this decoder loses beyond that. The model: what this model loses beyond the "
        "exact model of the same tokenizer. For decoders with a variable number of forwards, and for Latin squares, the first "
        "is a lower bound."
    )
    return Section("loss-parts", "What each loss is due to", text, figures)


def parts(row: dict[str, Any]) -> Rows:
    """The three parts of one loss as rows of the figure; they sum to 1 - measured, and none is cut off at 0."""
    keys = {key: row[key] for key in ("model", "task", "decoder", "setting", "measured", "exact", "best_after_draw")}
    keys["after_draw_is"] = row["after_draw_is"]
    keys["best_before_draw"] = None if math.isnan(row["best_before_draw"]) else row["best_before_draw"]
    lost = (row["of_draws"], row["of_decoder"], row["of_model"])
    return [
        {**keys, "part": name, "place": place, "loss": value}
        for place, (name, value) in enumerate(zip(PARTS, lost, strict=True))
    ]


def above_lines(data: ReportData) -> Section | None:
    """What is significantly above the line after the draw, or above the exact model; None where no exact model ran."""
    if not data.points["exact"].any():
        return None
    tables = [table for table in (_above_line(data), _above_exact(data)) if table is not None]
    said = [
        _sentence(len(data.above_line), "exact model", "above the line after the draw"),
        *([_sentence(len(data.above_exact), "learned model", "above its exact model")] if len(data.split) else []),
    ]
    text = " ".join(said) + " All comparisons are corrected for their number (Holm, 5 % in all)."
    if data.points.loc[data.points["exact"].astype(bool), "tokenizer"].ne("").any():
        text += SEVERAL_TOKENS
    return Section("above", "Above a line", text, tables=tables)


def _sentence(count: int, what: str, where: str) -> str:
    if not count:
        return f"No {what} is significantly {where} under any decoder."
    settings = "setting is" if count == 1 else "settings are"
    return f"{count} {what} {settings} significantly {where}."


def _above_line(data: ReportData) -> Table | None:
    rows = as_rows(data.above_line)
    lines = [
        [
            Cell(row["model"]), Cell(row["task"]), Cell(row["decoder"]), Cell(str(row["forwards"]), right=True),
            Cell(f"{row['right']} of {row['n']}", right=True), number(row["expected"]), _p(row["p"]),
        ]
        for row in rows
    ]  # fmt: skip
    header = ["model", "task", "decoder", "within forwards", "right", "expected at most", "p"]
    caption = "Above the line after the draw: these draw jointly, revise, use several rows, or break ties in a fixed order"
    return Table(caption, header, lines) if lines else None


def _above_exact(data: ReportData) -> Table | None:
    lines = []
    for row in as_rows(data.above_exact):
        gain = f"{100 * row['difference']:+.0f} [{100 * row['low']:+.0f}, {100 * row['high']:+.0f}]"
        scores = [Cell(percent(row["measured"]), right=True), Cell(percent(row["exact"]), right=True)]
        named = [Cell(row["model"]), Cell(row["task"]), Cell(row["decoder"])]
        lines.append([*named, *scores, Cell(gain, right=True), _p(row["p"])])
    header = ["model", "task", "decoder", "accuracy", "exact model", "difference in points", "p"]
    caption = (
        "Learned models above their exact model: a model that has learned to prefer one of several right answers loses less "
        "when it draws independently than one that finds all of them equally probable"
    )
    return Table(caption, header, lines) if lines else None


def _p(value: float) -> Cell:
    return Cell("< 0.0001" if value < 0.0001 else f"{value:.4f}", right=True)
