"""The section of a report that compares every decoder with a baseline, at equal accuracy and at equal speed, in words."""

from __future__ import annotations

import math
from typing import Any, get_args

from parallelbench.analysis.baseline import SLOWER, Verdict
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report.data import ReportData
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table

HEADER = ["decoder", "setting", "accuracy, points", "times as fast, in forwards", "verdict", "p"]


def comparison(data: ReportData) -> Section | None:
    """Every decoder against the baseline (`analysis.baseline`); None with one decoder, or where nothing can be the baseline."""
    rows = as_rows(data.against)
    if not rows:
        return None
    models = list(dict.fromkeys(row["model"] for row in rows))
    tables, said = [], []
    for model in models:
        inside = [row for row in rows if row["model"] == model]
        said.append(
            (f"{model}, against " if len(models) > 1 else "Against ") + f"{_or(inside[0]['baseline'])}: {_words(inside)}."
        )
        for kind, caption in (("speed", "at the speed of"), ("accuracy", "at the accuracy of")):
            lines = [_line(row, data.families[row["series"]]) for row in inside if row["kind"] == kind]
            tables.append(Table(f"{model}: {caption} {_or(inside[0]['baseline'])}", HEADER, lines))
    said.append(
        f"At equal speed: the most accurate setting with at most {100 * (SLOWER - 1):.0f} % more forwards than the baseline. "
        "At equal accuracy: the setting with the fewest forwards that is at least as accurate. Settings are chosen on one half "
        "of the samples and compared on the other, sample by sample; p is corrected for all comparisons (Holm). Brackets are "
        "95 % intervals of the number that is tested; the other number describes the setting and has no interval."
    )
    return Section("comparison", "Against a baseline", " ".join(said), tables=tables)


def _words(rows: Rows) -> str:
    """Which decoders are better, worse, or neither, at equal speed and at equal accuracy."""
    parts = []
    for kind in ("speed", "accuracy"):
        by: dict[str, list[str]] = {verdict: [] for verdict in get_args(Verdict)}
        for row in rows:
            if row["kind"] == kind:
                by[row["verdict"]].append(row["series"])
        parts.append(
            f"at equal {kind} " + "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in by.items() if names)
        )
    return ". A".join([parts[0], parts[1][1:]])


def _line(row: dict[str, Any], family: str) -> list[Cell]:
    if math.isnan(row["p"]):
        return [Cell(row["series"], family=family), *[Cell("")] * 3, Cell(row["verdict"]), Cell("")]
    tested = row["kind"] == "speed"
    points = f"{100 * row['accuracy_difference']:+.1f}"
    ratio = f"{row['nfe_ratio']:.2f}"
    if tested:
        points += f" [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]"
    else:
        ratio += f" ({row['difference']:+.2f} forwards {_between(row['low'], row['high'])})"
    p = "< 0.0001" if row["p"] < 0.0001 else f"{row['p']:.4f}"
    cells = [
        Cell(row["series"], family=family),
        Cell(_or(row["decoder"])),
        Cell(points, right=tested),
        Cell(ratio, right=not tested),
    ]
    return [*cells, Cell(row["verdict"], note=f"{row['n']} samples"), Cell(p, right=True)]


def _between(low: float, high: float) -> str:
    return f"[{low:+.2f}, {high:+.2f}]" if low == low else "no interval: one sample a task"


def _or(names: str) -> str:
    return names.replace(" | ", " or ")
