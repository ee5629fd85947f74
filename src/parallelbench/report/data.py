"""Everything a report is made of, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from parallelbench.analysis import frame as tables
from parallelbench.analysis.loss import Headline, headline, losses, reference_curve
from parallelbench.analysis.matched import pairs
from parallelbench.analysis.series import variant
from parallelbench.analysis.split import best_curve, is_exact, split
from parallelbench.errors import UserError
from parallelbench.runs.folder import RunFolder, read_run


@dataclass(frozen=True, slots=True)
class ReportData:
    """The tables of a run. `curve` is the curve that losses are read off; None where none begins at one token per step.

    `split` says whose each loss is, `best` how far any decoder could come; both are empty where no exact model ran.
    """

    folder: RunFolder
    samples: pd.DataFrame
    cells: pd.DataFrame
    points: pd.DataFrame
    overall: pd.DataFrame
    matched: pd.DataFrame
    losses: pd.DataFrame
    curve: str | None
    split: pd.DataFrame
    best: list[dict[str, Any]]

    @property
    def models(self) -> list[str]:
        """The models, in the order of the plan."""
        return list(dict.fromkeys(self.points["model"]))

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order of the plan."""
        return list(dict.fromkeys(self.points["task"]))

    @property
    def headlines(self) -> list[Headline]:
        """The answer for each model."""
        return [headline(model, self.overall, self.losses) for model in self.models]


def read_report_data(out: Path) -> ReportData:
    """Read a run folder.

    Raises:
        UserError: the folder holds no run or no samples yet, or a record line is damaged.
    """
    folder = read_run(out)
    samples = tables.samples(folder)
    if samples.empty:
        raise UserError(f"{out} holds no finished samples yet; run its command again first.")
    points = tables.points(samples)
    points = points.assign(variant=[variant(spec) for spec in points["decoder"]])
    overall = tables.overall(points)
    overall = overall.assign(variant=[variant(spec) for spec in overall["decoder"]])
    curve = reference_curve(points)
    lost = losses(points, curve or "")
    parts, best = split(samples, points), best_curve(samples[samples["model"].map(is_exact)])
    return ReportData(folder, samples, tables.cells(samples), points, overall, pairs(samples, points), lost, curve, parts, best)
