"""Tables of the reasons why generated answers failed (`metrics.failures`), and of how their rates change with speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.metrics.failures import LABELS as LABELS  # the reasons with their descriptions, re-exported for the report
from parallelbench.runs.folder import StoredRun
from parallelbench.runs.scores import labels_of

KEYS = ["model", "task", "decoder", "family"]
COLUMNS = [*KEYS, "tokens_per_step", "n", "label", "count", "rate", "part"]


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why the samples of a frame failed.

    Attributes:
        codes: the place of each sample's set of reasons in `kinds`, [n]; -1 where the sample has not been classified.
        kinds: the sets of reasons that occur; a right answer has none.
    """

    codes: npt.NDArray[np.int64]
    kinds: tuple[tuple[str, ...], ...]


def reasons(run: StoredRun, frame: pd.DataFrame) -> Reasons:
    """Return the reasons of the samples of a run that have been classified by `metrics.failures`.

    Args:
        run: the run.
        frame: one row per sample of it (`frame.samples`).

    Raises:
        DamagedRun: a file is damaged.
    """
    return coded(frame, ((cell.id, labels_of(cell)) for cell in run.cells))


def coded(frame: pd.DataFrame, found: Iterable[tuple[str, Mapping[str, Sequence[str]]]]) -> Reasons:
    """Return the reasons of the rows of a frame; `found` holds them by cell, and for each cell by the id of the sample."""
    codes = np.full(len(frame), -1, dtype=np.int64)
    kinds: dict[tuple[str, ...], int] = {}
    samples, rows = frame["sample_id"].to_numpy(dtype=object), frame.groupby("cell", sort=False).indices
    for cell, labels in found:
        if cell in rows:
            inside = {name: kinds.setdefault(tuple(why), len(kinds)) for name, why in labels.items()}
            codes[rows[cell]] = [inside.get(name, -1) for name in samples[rows[cell]]]
    return Reasons(codes, tuple(kinds))


def reason_rates(frame: pd.DataFrame, found: Reasons) -> pd.DataFrame:
    """Return one row per model, task, decoder and reason that occurs.

    Args:
        frame: one row per sample (`frame.samples`).
        found: the reasons of these samples; samples that have not been classified are left out.

    `rate` is the fraction of the samples that have the reason. For `part`, an answer with r reasons counts 1/r for each of
    them, so that the parts of a setting add up to the fraction of its answers with at least one reason.
    """
    codes, kinds = found.codes, found.kinds
    known, codes = frame.loc[codes >= 0, [*KEYS, "tokens_per_step"]], codes[codes >= 0]
    if known.empty:
        return pd.DataFrame(columns=COLUMNS)
    groups = known.groupby(KEYS, sort=False)
    settings = groups["tokens_per_step"].agg(tokens_per_step="mean", n="size").reset_index()
    answers = np.bincount(groups.ngroup().to_numpy() * len(kinds) + codes, minlength=len(settings) * len(kinds))
    answers = answers.reshape(len(settings), len(kinds))  # how many answers of each setting have each set of reasons
    times = np.array([[kind.count(name) for name in LABELS] for kind in kinds])
    parts = np.array([[float(name in kind) / max(1, len(kind)) for name in LABELS] for kind in kinds])
    counts = answers @ times
    place, label = np.nonzero(counts)
    rows = settings.iloc[place].reset_index(drop=True)
    count, part = counts[place, label], (answers @ parts)[place, label]
    names = np.array(list(LABELS), dtype=object)[label]
    return rows.assign(label=names, count=count, rate=count / rows["n"], part=part / rows["n"])[COLUMNS]


def over_tasks(table: pd.DataFrame, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each reason's `part` and `rate` as means over tasks, per model and decoder; 0 for a task without the reason."""
    setting = ["model", "decoder"]
    tasks = frame.groupby(setting, sort=False)["task"].nunique().to_dict()
    by_task = frame.groupby([*setting, "task"], sort=False)["tokens_per_step"].mean()
    speeds = by_task.groupby(setting).mean().to_dict()
    keys = ["model", "decoder", "family", "label"]
    summed = table.groupby(keys, sort=False)[["part", "rate"]].sum().reset_index()
    return [
        {
            **row,
            "tokens_per_step": float(speeds[row["model"], row["decoder"]]),
            "part": row["part"] / tasks[row["model"], row["decoder"]],
            "rate": row["rate"] / tasks[row["model"], row["decoder"]],
        }
        for row in as_rows(summed)
    ]
