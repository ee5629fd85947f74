"""Tables of the reasons why generated answers failed (`metrics.failures`), and of how their rates change with speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.metrics.failures import LABELS as LABELS  # the reasons with their descriptions, re-exported for the report
from parallelbench.runs.folder import StoredRun
from parallelbench.runs.scores import FAILURES, scores_of

KEYS = ["model", "task", "decoder", "family"]
COLUMNS = [*KEYS, "tokens_per_step", "n", "label", "count", "rate", "part"]


def reasons(run: StoredRun) -> dict[tuple[str, str], list[str]]:
    """Return the reasons of every sample that has been classified by `metrics.failures`, by (cell id, sample id).

    Raises:
        DamagedRun: a file is damaged.
    """
    return {
        (cell.id, sample_id): list(row.labels)
        for cell in run.cells
        for one in scores_of(cell)
        if one.name == FAILURES
        for sample_id, row in one.rows.items()
    }


def reason_rates(frame: pd.DataFrame, found: Mapping[tuple[str, str], list[str]]) -> pd.DataFrame:
    """Return one row per model, task, decoder and reason that occurs.

    Args:
        frame: one row per sample (`frame.samples`).
        found: the reasons of each sample (`reasons`); samples that have not been classified are left out.

    `rate` is the fraction of the samples that have the reason. For `part`, an answer with r reasons counts 1/r for each of
    them, so that the parts of a setting add up to the fraction of its answers with at least one reason.
    """
    if not found:
        return pd.DataFrame(columns=COLUMNS)
    keys = list(zip(frame["cell"], frame["sample_id"], strict=True))
    labelled = frame.assign(labels=pd.Series([found.get(key, []) for key in keys], index=frame.index, dtype=object))
    labelled = labelled[[key in found for key in keys]]
    rows: list[dict[str, Any]] = []
    for _, part in labelled.groupby(KEYS, sort=False):
        counts: Counter[str] = Counter()
        parts: Counter[str] = Counter()
        for labels in part["labels"]:
            counts.update(labels)
            parts.update(dict.fromkeys(labels, 1.0 / max(1, len(labels))))
        about = {key: part[key].iloc[0] for key in KEYS}
        about |= {"tokens_per_step": float(part["tokens_per_step"].mean()), "n": len(part)}
        rows += [
            {**about, "label": name, "count": counts[name], "rate": counts[name] / len(part), "part": parts[name] / len(part)}
            for name in LABELS
            if counts[name]
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def over_tasks(table: pd.DataFrame, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each reason's `part` and `rate` as means over tasks, per model and decoder; 0 for a task without the reason."""
    setting = ["model", "decoder"]
    tasks = frame.groupby(setting, sort=False)["task"].nunique().to_dict()
    speeds = frame.groupby([*setting, "task"], sort=False)["tokens_per_step"].mean().groupby(setting).mean()
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
