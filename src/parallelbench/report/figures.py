"""A figure is one Altair spec: drawn on the page, written as SVG, its rows as CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallelbench.report.charts import Rows

FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its name (also that of its files), the sentence below it, and the rows it shows."""

    id: str
    caption: str
    chart: Any
    rows: Rows

    @property
    def spec(self) -> str:
        """The Vega-Lite spec as JSON that is safe inside a script element."""
        return json.dumps(self.chart.to_dict(), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")

    @property
    def csv(self) -> str:
        """The rows as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def save(self, folder: Path) -> None:
        """Write `<id>.csv` and `<id>.svg`."""
        (folder / f"{self.id}.csv").write_text(self.csv, encoding="utf-8")
        self.chart.save(folder / f"{self.id}.svg")
