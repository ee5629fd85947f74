"""Makes submissions: of run folders, and of the published numbers of the paper."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from parallelbench import paper
from parallelbench.analysis import frame as tables
from parallelbench.analysis.halves import HALVES, halves
from parallelbench.analysis.names import full_names
from parallelbench.errors import UserError
from parallelbench.leaderboard.form import FORM, Curve, Part, SettingResult, Submission, TaskResult, fault_of
from parallelbench.runs.folder import read_run

CURVE = ["model", "revision", "suite", "series"]


def of_runs(paths: Sequence[Path], version: str, source: str = "") -> Submission:
    """Return the submission of one or several run folders: every curve with its settings that ran on all of its tasks.

    Raises:
        UserError: a folder holds no run, no setting ran on every task, or a task has one sample and so no two halves,
            or a name is too long.
        DamagedRun: a file is damaged.
    """
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        run = read_run(*paths)
        curves = curves_of(tables.samples(run).replace({"decoder": full_names(run)}))
        if curves:
            return Submission(form=FORM, origin="measured", source=source, date=today, version=version, curves=curves)
    except ValidationError as error:
        raise UserError(
            f"{paths[0]} makes no valid submission{fault_of(error)}; rename what is too long, or leave it out."
        ) from error
    raise UserError(
        f"{paths[0]} has no setting with two samples of every task and a known number of forwards; run more samples "
        "(--limit) or the same decoders on all tasks."
    )


def curves_of(frame: pd.DataFrame) -> tuple[Curve, ...]:
    """Return the curves of a frame of samples: the settings of each that ran on all tasks of model and suite."""
    known = frame[(frame["tokens_per_step"] > 0) & frame["accuracy"].notna()]
    pooled = known.assign(half=halves(known), sample=tables.sample_keys(known))
    keys = [*CURVE, "decoder", "task", "half", "sample"]
    means = pooled.groupby(keys, sort=False)[["accuracy", "tokens_per_step"]].mean()
    groups = means.groupby(keys[:-1], sort=False)
    table = pd.concat([groups.mean(), groups.var(), groups.size()], axis=1)
    found: dict[tuple[str, ...], dict[str, dict[str, dict[int, Part]]]] = {}
    for key, row in zip(table.index, table.itertuples(index=False, name=None), strict=True):
        *curve, decoder, task, half = key
        tasks = found.setdefault(tuple(map(str, curve)), {}).setdefault(str(decoder), {})
        tasks.setdefault(str(task), {})[int(half)] = _part(row)
    return tuple(made for names, settings in found.items() if (made := _curve(names, settings, _tasks(found, names))))


def _tasks(found: dict[tuple[str, ...], Any], names: tuple[str, ...]) -> set[str]:
    """Every task that the model of a curve ran in that suite."""
    same = [settings for other, settings in found.items() if other[:3] == names[:3]]
    return {task for settings in same for tasks in settings.values() for task in tasks}


def _curve(names: tuple[str, ...], settings: dict[str, dict[str, dict[int, Part]]], tasks: set[str]) -> Curve | None:
    kept = [
        SettingResult(
            decoder=decoder,
            tasks=tuple(
                TaskResult(task=task, parts=tuple(parts[half] for half in HALVES)) for task, parts in sorted(by.items())
            ),
        )
        for decoder, by in settings.items()
        if by.keys() == tasks and all(len(parts) == 2 for parts in by.values())
    ]
    return Curve(**dict(zip(CURVE, names, strict=True)), settings=tuple(kept)) if kept else None


def _part(row: tuple[Any, ...]) -> Part:
    accuracy, speed, accuracy_variance, speed_variance, n = row
    return Part(
        n=int(n), accuracy=min(1.0, max(0.0, float(accuracy))), accuracy_variance=_known(accuracy_variance),
        tokens_per_step=float(speed), tokens_per_step_variance=_known(speed_variance),
    )  # fmt: skip


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def published() -> Submission:
    """Return the published numbers of the paper's prompts: models and decoders that ran on all 17 tasks."""
    table = paper.published(paper.PAPER)
    counts = table.groupby("model_label")["task"].nunique()
    full = int(counts.max())
    curves = []
    for (model, decoder), part in table.groupby(["model_label", "decoder"], sort=False):
        by_spec = {str(spec): inside for spec, inside in part.groupby("spec", sort=False)}
        settings = [
            SettingResult(decoder=spec, tasks=tuple(_published(row) for row in tables.as_rows(inside.sort_values("task"))))
            for spec, inside in by_spec.items()
            if inside["task"].nunique() == len(inside) == full
        ]
        if settings:
            curves.append(Curve(model=str(model), revision="", suite="official", series=str(decoder), settings=tuple(settings)))
    sources = f"{table['source'].iloc[0]} (ParallelBench, arXiv 2510.04767)"
    date = str(table["date"].max())
    return Submission(form=FORM, origin="published", source=sources, date=date, version="", curves=tuple(curves))


def _published(row: dict[str, Any]) -> TaskResult:
    n, accuracy = paper.samples_of(row["task"]), float(row["accuracy"])
    variance = accuracy * (1 - accuracy) * n / (n - 1)
    part = Part(
        n=n, accuracy=accuracy, accuracy_variance=variance, tokens_per_step=float(row["tokens_per_step"]),
        tokens_per_step_variance=None,
    )  # fmt: skip
    return TaskResult(task=row["task"], parts=(part,))
