"""A figure of a report: one chart that is embedded in the page and saved as SVG, with its rows saved as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallelbench.analysis.frontier import Rows
from parallelbench.clean import for_csv, for_xml
from parallelbench.report.file_style import PLAIN_FILES, FileStyle, save
from parallelbench.report.theme import Spec

FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart (`theme.spec_of`) with its name (also that of its files), the sentence below it, and the rows it shows.

    `words` says what the chart shows, for readers who do not see it; where it is empty, the caption does.
    """

    id: str
    caption: str
    spec: Spec
    rows: Rows
    words: str = ""

    @property
    def csv(self) -> str:
        """The rows as CSV; what is unknown (NaN) is an empty cell."""
        text = io.StringIO()
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: for_csv(value) for key, value in row.items() if value == value} for row in self.rows)
        return text.getvalue()

    def save(self, folder: Path, style: FileStyle = PLAIN_FILES) -> None:
        """Write `<id>.csv`, and the chart in the formats of the style."""
        (folder / f"{self.id}.csv").write_text(self.csv, encoding="utf-8")
        save(_each(self.spec, for_xml), folder / self.id, style)


def numbered(name: str, before: int) -> str:
    """Return the name of a figure that each model has: `name` for the first, `name-2` for the second."""
    return f"{name}-{before + 1}" if before else name


def _each(value: Any, clean: Callable[[str], str]) -> Any:
    """Return a JSON value with every text in it cleaned."""
    if isinstance(value, dict):
        return {clean(key): _each(part, clean) for key, part in value.items()}
    if isinstance(value, list):
        return [_each(part, clean) for part in value]
    return clean(value) if isinstance(value, str) else value
