"""The table of a report that says each curve in one number: PBx and AUP, with intervals and with the optimism of choosing."""

from __future__ import annotations

import math
from typing import Any

from parallelbench.analysis.frame import as_rows
from parallelbench.report.data import BARS, ReportData
from parallelbench.report.tables import Cell, Table, number, percent

CAPTION = (
    "Curves in one number. PBx: tokens per step of the fastest setting with a mean accuracy of x %, chosen on one half of the "
    "samples and reported on the other, both ways (point at a cell for the settings and their accuracy there). AUP, accuracy "
    "under parallelism by tokens per step: the part of the curve and the best accuracy are chosen on one half and the area is "
    "measured on the other. In brackets 95 % intervals. Optimism: what is added by choosing and reporting on the same samples, "
    "for PBx in points of accuracy"
)
HEADER = ["curve", *(part for bar in BARS for part in (f"PB{100 * bar:.0f}", "optimism")), "AUP", "optimism"]


def curve_numbers(data: ReportData) -> Table | None:
    """PBx at each bar and AUP of each curve (`analysis.curve_numbers`); None without a curve that ran on every task."""
    reached = {(row["model"], row["series"], row["bar"]): row for row in as_rows(data.pbx)}
    areas = {(row["model"], row["series"]): row for row in as_rows(data.areas)}
    lines = []
    for model, series in dict.fromkeys((model, series) for model, series, _ in reached):
        name = f"{model} · {series}" if len(data.models) > 1 else series
        cells = [cell for bar in BARS for cell in _speed(reached[model, series, bar])]
        lines.append([Cell(name), *cells, *_area(areas.get((model, series)))])
    return Table(CAPTION, HEADER, lines) if lines else None


def _speed(row: dict[str, Any]) -> list[Cell]:
    """The speed of what each half chose, on the other half, and how much too accurate its choice looked to all samples."""
    if math.isnan(row["speed"]):
        return [number(0.0)._replace(note="no setting reaches this accuracy in both halves"), Cell("")]
    chosen = f"first half chose {row['by_first']}, second half {row['by_second']}"
    accuracy = f"{percent(row['accuracy'])} % [{percent(row['low'])}, {percent(row['high'])}] on the other half"
    text = f"{row['speed']:.2f} [{row['speed_low']:.2f}, {row['speed_high']:.2f}]"
    optimism = row["accuracy_optimism"]
    same = (
        f"all samples choose {row['same_decoder']}: {row['same_speed']:.2f} at {percent(row['same_accuracy'])} % on themselves"
    )
    shown = (
        Cell("", note=same) if math.isnan(optimism) else Cell(f"{round(100 * optimism, 1) + 0.0:+.1f}", note=same, right=True)
    )
    return [Cell(text, note=f"{chosen}; {accuracy}", right=True), shown]


def _area(row: dict[str, Any] | None) -> list[Cell]:
    if row is None or math.isnan(row["aup"]):
        return [Cell(""), Cell("")]
    text = f"{row['aup']:.0f} [{row['aup_low']:.0f}, {row['aup_high']:.0f}]"
    return [Cell(text, right=True), Cell(f"{round(row['optimism']) + 0.0:+.0f}", right=True)]
