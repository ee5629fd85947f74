"""Everything a report is made of, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from parallelbench.analysis import frame as tables
from parallelbench.analysis.loss import Headline, headline, losses, reference_curve
from parallelbench.analysis.matched import match_speeds
from parallelbench.analysis.split import best_curve, split
from parallelbench.errors import UserError
from parallelbench.runs.folder import StoredRun, read_run


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cells are reported: patterns of tasks, decoders and models (`*` is any part of a name); none is all."""

    tasks: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


ALL = Filters()


@dataclass(frozen=True, slots=True)
class ReportData:
    """The tables of a run, or of several together.

    `curve` is the curve that losses are read off; None where none begins at one token per step.

    `split` says what each loss is due to, `best` how far any decoder could come; both are empty where no exact model ran.
    """

    run: StoredRun
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


def read_report_data(*paths: Path, keep: Filters = ALL) -> ReportData:
    """Read one run folder, or several as one.

    Raises:
        UserError: a folder holds no run, no samples are there yet, or no cell is left by the filters.
        DamagedRun: a file is damaged, or samples are missing.
    """
    run = read_run(*paths).select(keep.tasks, keep.decoders, keep.models)
    samples = tables.samples(run)
    if samples.empty:
        raise UserError(f"{paths[0]} holds no finished samples yet; run its command again first.")
    points = tables.points(samples)
    curve = reference_curve(points)
    exact = samples[samples["exact"].astype(bool)]
    return ReportData(
        run=run,
        samples=samples,
        cells=tables.cells(samples),
        points=points,
        overall=tables.overall(points),
        matched=match_speeds(samples, points),
        losses=losses(points, curve or ""),
        curve=curve,
        split=split(samples, points),
        best=best_curve(exact),
    )
