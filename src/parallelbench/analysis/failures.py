"""Tables of the reasons why generated answers failed (`metrics.failures`), and of how their rates change with speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.metrics.failures import LABELS as LABELS  # the reasons with their descriptions, re-exported for the report
from parallelbench.runs.folder import StoredRun
from parallelbench.runs.scores import reasons_of

KEYS = ["model", "task", "decoder", "family"]
COLUMNS = [*KEYS, "tokens_per_step", "n", "label", "count", "rate", "part"]


Reasons = Mapping[str, Mapping[str, Sequence[str]]]
"""The reasons of each classified sample, by cell id and sample id; none where the answer is right."""


def reasons(run: StoredRun) -> Reasons:
    """Return the reasons of every sample that has been classified by `metrics.failures`; cells without any are left out.

    Raises:
        DamagedRun: a file is damaged.
    """
    found: dict[str, dict[str, Sequence[str]]] = {}
    for cell in run.cells:
        for one in reasons_of(cell):
            found.setdefault(cell.id, {}).update((sample_id, row.labels) for sample_id, row in one.rows.items())
    return found


def reason_rates(frame: pd.DataFrame, found: Reasons) -> pd.DataFrame:
    """Return one row per model, task, decoder and reason that occurs.

    Args:
        frame: one row per sample (`frame.samples`).
        found: the reasons of each sample (`reasons`); samples that have not been classified are left out.

    `rate` is the fraction of the samples that have the reason. For `part`, an answer with r reasons counts 1/r for each of
    them, so that the parts of a setting add up to the fraction of its answers with at least one reason.
    """
    names = (frame[key].to_numpy(dtype=object) for key in ("cell", "sample_id"))
    labels = [found.get(cell, {}).get(name) for cell, name in zip(*names, strict=True)]
    known = (
        frame[[*KEYS, "tokens_per_step"]].assign(labels=pd.Series(labels, frame.index, dtype=object)).dropna(subset=["labels"])
    )
    groups = known.groupby(KEYS, sort=False)
    settings = as_rows(groups["tokens_per_step"].agg(tokens_per_step="mean", n="size").reset_index())
    counts: list[Counter[str]] = [Counter() for _ in settings]
    parts: list[Counter[str]] = [Counter() for _ in settings]
    for place, why in zip(groups.ngroup(), known["labels"], strict=True):
        if why:
            counts[place].update(why)
            parts[place].update(dict.fromkeys(why, 1.0 / len(why)))
    rows = [
        {**about, "label": name, "count": count[name], "rate": count[name] / about["n"], "part": part[name] / about["n"]}
        for about, count, part in zip(settings, counts, parts, strict=True)
        for name in LABELS
        if count[name]
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
