"""The section of a report on standard tasks: how often the format was kept, and the numbers that others reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.protocols import reported
from parallelbench.report.data import ReportData
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, mark, number, percent

Row = Mapping[str, Any]
Place = tuple[str, str, str]
"""Task, model and decoder."""
SUITE = "standard"
STRICT = "_strict"
HEADER = ["task", "model", "decoder", "samples", "accuracy", "read strictly", "content tokens/forward"]
SOURCES = ["task", "model", "reported", "protocol", "source"]
TEXT = (
    "Accuracy reads an answer wherever it stands; read strictly, it must stand where the prompt asks for it, so the difference "
    "is what is lost by format. The second table holds what others reported for these tasks under the settings that a protocol "
    "names. Their prompts are not ours, and neither are their ways to read an answer, so a difference has several causes."
)


def beside_reported(data: ReportData) -> Section | None:
    """Standard tasks with both readings, and what others reported; None where no standard task ran."""
    points = [row for row in as_rows(data.points) if row["suite"] == SUITE]
    if not points:
        return None
    strict = _strict(as_rows(data.samples[data.samples["suite"] == SUITE]))
    ours = Table("Standard tasks", HEADER, [_line(row, strict) for row in points])
    tasks = dict.fromkeys(str(row["task"]) for row in points)
    theirs = Table("Reported by others", SOURCES, [line for task in tasks for line in _reported(task)])
    return Section("reported", "Standard tasks", TEXT, tables=[ours, theirs] if theirs.rows else [ours])


def _line(row: Row, strict: dict[Place, float]) -> list[Cell]:
    place = (row["task"], row["model"], row["decoder"])
    read = "" if place not in strict else percent(strict[place])
    named = [Cell(str(row[key])) for key in ("task", "model", "decoder", "n")]
    return [*named, mark(row), Cell(read, right=True), number(row["content_tokens_per_forward"])]


def _strict(samples: Rows) -> dict[Place, float]:
    """The mean of the strict metric of each task, model and decoder."""
    found: dict[Place, list[float]] = {}
    for row in samples:
        values = [value for name, value in row["scores"].items() if name.endswith(STRICT)]
        found.setdefault((row["task"], row["model"], row["decoder"]), []).extend(values)
    return {place: sum(values) / len(values) for place, values in found.items() if values}


def _reported(task: str) -> Iterable[list[Cell]]:
    for protocol, setting in reported(task):
        data = f"{task} ({setting.of})" if setting.of else task
        yield [Cell(text) for text in (data, protocol.model, f"{setting.reported:g}", protocol.name, protocol.source)]
