"""Reads one or several run folders and computes every table that the sections of a report use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from parallelbench.analysis import best_curves
from parallelbench.analysis import frame as tables
from parallelbench.analysis.above import above_exact_model, above_line
from parallelbench.analysis.baseline import against
from parallelbench.analysis.conditions import conditions_of
from parallelbench.analysis.curve_numbers import areas, pbx
from parallelbench.analysis.failures import Reasons, reasons
from parallelbench.analysis.lengths import at_speeds, by_length, lengths_of
from parallelbench.analysis.loss import Headline, headline, losses, reference_curve
from parallelbench.analysis.names import full_names, name_cells
from parallelbench.analysis.oracle import oracles
from parallelbench.analysis.published import compared, published_points
from parallelbench.analysis.ranking import rankings
from parallelbench.analysis.split import ceiling_of, split
from parallelbench.analysis.steadiness import Steadiness, steadiness
from parallelbench.analysis.task_map import settings_of, task_map
from parallelbench.errors import UserError
from parallelbench.report.looks import Looks
from parallelbench.runs.folder import StoredRun, read_run
from parallelbench.runs.scores import backends
from parallelbench.runs.short_settings import short_specs


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cells are reported: patterns of tasks, decoders and models, where `*` matches any text; no pattern selects all."""

    tasks: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


ALL = Filters()
BARS = (0.9, 0.8, 0.7)
"""The mean accuracies at which decoders are ranked by speed."""
SPEEDS = (1.0, 2.0, 4.0, 8.0)
"""The tokens per step at which lists of several lengths are compared."""


@dataclass(frozen=True)
class ReportData:
    """The tables of one run, or of several runs together.

    Attributes:
        run: the stored run.
        samples, cells, points, overall: the tables of `analysis.frame`.
        losses: the accuracy that each task loses with speed along `curve` (`analysis.loss`).
        curve: the name (`series`) of that curve; None where no curve begins at one token per step.
        split: the parts of each loss (`analysis.split`); empty where no exact model with a learned model's tokenizer ran.
        above_line: exact models' settings significantly above the line after the draw (`analysis.above`).
        above_exact: learned models' settings significantly above their exact model (`analysis.above`).
        published, compared: what the paper published for these tasks, and our difference from it (`analysis.published`).
        baseline: the decoder that all others are compared with; None for the usual one (`analysis.baseline`).
    """

    run: StoredRun
    samples: pd.DataFrame
    cells: pd.DataFrame
    points: pd.DataFrame
    overall: pd.DataFrame
    losses: pd.DataFrame
    curve: str | None
    split: pd.DataFrame
    above_line: pd.DataFrame
    above_exact: pd.DataFrame
    published: pd.DataFrame
    compared: pd.DataFrame
    baseline: str | None = None

    @cached_property
    def models(self) -> list[str]:
        """The names of the models, in the order of the plan."""
        return list(dict.fromkeys(self.points["model"]))

    @cached_property
    def tasks(self) -> list[str]:
        """The names of the tasks, in the order of the plan."""
        return list(dict.fromkeys(self.points["task"]))

    def exact_model_of(self, model: str) -> str | None:
        """The exact model of a learned model's tokenizer; None for an exact model, and where it did not run."""
        row = self.points[self.points["model"] == model].iloc[0]
        return None if row["exact"] else ceiling_of(self.points, str(row["tokenizer"]))

    @cached_property
    def shown_models(self) -> list[str]:
        """The models that have panels of their own: all but those that are drawn as the exact model of another one."""
        ceilings = {self.exact_model_of(model) for model in self.models}
        return [model for model in self.models if model not in ceilings]

    @cached_property
    def families(self) -> dict[str, str]:
        """The family of every setting and curve, by its name."""
        columns = (zip(self.points[key], self.points["family"], strict=True) for key in ("decoder", "series"))
        return {str(name): str(family) for names in columns for name, family in names}

    @cached_property
    def looks(self) -> Looks:
        """The looks of the decoder families."""
        return Looks([*self.points["family"], *self.published["family"]])

    def curves_of(self, model: str) -> list[dict[str, Any]]:
        """What decoders can reach at each speed on the tasks of an exact model, in every unit; empty for a learned model."""
        if model not in self._curves:
            exact = (self.samples["model"] == model) & self.samples["exact"].astype(bool)
            samples = self.samples.loc[exact, best_curves.COLUMNS]
            self._curves[model] = [row for unit in best_curves.UNITS for row in best_curves.best_curves(samples, unit)]
        return self._curves[model]

    @cached_property
    def _curves(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    @cached_property
    def backends(self) -> dict[str, set[str]]:
        """What computed each metric."""
        return backends(self.run)

    @cached_property
    def reasons(self) -> Reasons:
        """Why each classified sample failed (`analysis.failures`)."""
        return reasons(self.run, self.samples)

    @cached_property
    def unfinished(self) -> list[str]:
        """The ids of the cells that still miss samples."""
        return self.run.unfinished

    @cached_property
    def unfinished_settings(self) -> set[tuple[str, str]]:
        """The model and decoder of every cell that has been begun and still misses samples."""
        missing = set(self.unfinished)
        named = zip(self.run.cells, name_cells(self.run), strict=True)
        return {(names["model"], names["decoder"]) for stored, names in named if stored.id in missing}

    @cached_property
    def unfinished_samples(self) -> str:
        """How many samples of an unfinished run are decoded, as a clause; empty for a finished run."""
        if not self.unfinished:
            return ""
        return f"{len(self.samples):,} of {sum(self.run.planned.values()):,} samples of this run are decoded"

    @cached_property
    def rankings(self) -> dict[float, pd.DataFrame]:
        """The ranking of the decoders at each of `BARS` (`analysis.ranking`)."""
        return rankings(self.samples, self.overall, BARS)

    @cached_property
    def against(self) -> pd.DataFrame:
        """Every decoder compared with the baseline (`analysis.baseline`)."""
        return against(self.samples, self.overall, self.baseline)

    @cached_property
    def steadiness(self) -> Steadiness:
        """How the rankings of decoders compare under wordings, end tokens, lengths and prompts (`analysis.steadiness`)."""
        return steadiness(self.samples, conditions_of(self.run))

    @cached_property
    def oracles(self) -> pd.DataFrame:
        """What each decoder would reach if its setting were chosen for each sample (`analysis.oracle`)."""
        return oracles(self.samples)

    @cached_property
    def pbx(self) -> pd.DataFrame:
        """The fastest accurate setting of each curve, with the optimism of choosing it (`analysis.curve_numbers`)."""
        return pbx(self.rankings, self.overall)

    @cached_property
    def areas(self) -> pd.DataFrame:
        """The accuracy under parallelism of each curve, cross-fitted (`analysis.curve_numbers`)."""
        return areas(self.samples, self.overall)

    @cached_property
    def task_map(self) -> pd.DataFrame:
        """How parallel each task can be decoded, and in which order (`analysis.task_map`)."""
        return task_map(self.samples, settings_of(self.run))

    @cached_property
    def by_length(self) -> pd.DataFrame:
        """Accuracy by the length of the list at `SPEEDS` (`analysis.lengths`).

        Only of the curve of reference and of threshold decoding, or of all curves where neither ran.
        """
        shown = self.samples[self.samples["series"].isin([self.curve, "threshold"])]
        return at_speeds(by_length(shown if len(shown) else self.samples, lengths_of(self.run)), SPEEDS)

    @cached_property
    def headlines(self) -> list[Headline]:
        """The main findings about each model (`analysis.loss.Headline`), from the settings that are finished."""
        keys = zip(self.overall["model"], self.overall["decoder"], strict=True)
        finished = self.overall[[key not in self.unfinished_settings for key in keys]]
        return [headline(model, self.samples, finished, self.losses) for model in self.models]


def read_report_data(*paths: Path, keep: Filters = ALL, with_published: bool = True, baseline: str | None = None) -> ReportData:
    """Read one run folder, or several together, limited to the cells that `keep` selects (`report_data`).

    Raises:
        UserError: a folder holds no run, no sample is finished yet, or the filters select no cell.
        DamagedRun: a file is damaged, or samples are missing.
    """
    return report_data(read_run(*paths), keep, with_published, baseline)


def report_data(run: StoredRun, keep: Filters = ALL, with_published: bool = True, baseline: str | None = None) -> ReportData:
    """Compute the tables of a run, limited to the cells that `keep` selects.

    `with_published` says whether the published numbers of the paper are read too, `baseline` what decoders are compared with.

    Raises:
        UserError: no sample is finished yet, or the filters select no cell.
        DamagedRun: a file is damaged, or samples are missing.
    """
    run = run.select(keep.tasks, keep.decoders, keep.models)
    samples = tables.samples(run)
    if samples.empty:
        raise UserError(f"{run.folders[0].path} holds no finished samples yet; run its command again first.")
    points = tables.points(samples)
    curve = reference_curve(points)
    shown = run if with_published else replace(run, cells=())
    return ReportData(
        run=run,
        samples=samples,
        cells=tables.cells(samples),
        points=points,
        overall=tables.overall(points),
        losses=losses(points, curve or ""),
        curve=curve,
        split=split(samples, points),
        above_line=above_line(samples),
        above_exact=above_exact_model(samples, points),
        published=published_points(shown),
        compared=compared(run, points if with_published else points[:0]),
        baseline=_as_shown(run, baseline),
    )


def _as_shown(run: StoredRun, baseline: str | None) -> str | None:
    """The name of a setting in the tables, where it is given with all parameters or in another exact form."""
    if baseline is None or ":" not in baseline:
        return baseline  # a decoder, of all its settings
    (wanted,) = short_specs([baseline])
    return next((name for name, whole in full_names(run).items() if short_specs([whole]) == [wanted]), baseline)
