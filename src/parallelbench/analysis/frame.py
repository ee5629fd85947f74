"""Builds pandas tables from a run: one row for each sample, for each cell, or for each point of a trade-off curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.names import name_cells
from parallelbench.errors import UserError
from parallelbench.runs.folder import StoredCell, StoredRun, read_run
from parallelbench.runs.records import Record
from parallelbench.runs.scores import check_backends, scores_of
from parallelbench.schema import FIXED_SUITES

CELL_COLUMNS = [
    "cell", "suite", "task", "task_version", "model", "revision", "dtype", "template", "exact", "tokenizer", "decoder",
    "family", "series", "setting", "variant", "adaptive", "canvas_length", "shots", "seed",
]  # fmt: skip
SAMPLE_COLUMNS = [
    "sample_id", "index", "accuracy", "scores", "nfe", "rows", "flops", "flagged", "tokens_per_step",
    "content_tokens_per_forward", "content_tokens", "seconds", "law", "law_n", "must_differ",
]  # fmt: skip
DECODER_COLUMNS = ["decoder", "family", "series", "setting", "variant", "adaptive"]
MODEL_COLUMNS = ["model", "exact", "tokenizer"]
NUMBERS = (
    "accuracy", "nfe", "rows", "flops", "flagged", "tokens_per_step", "content_tokens_per_forward", "content_tokens", "seconds",
)  # fmt: skip
READERS: dict[str, Callable[[Record], Any]] = {
    **{name: attrgetter(name) for name in ("sample_id", "index", "nfe", "tokens_per_step", "content_tokens_per_forward")},
    **{name: attrgetter(name) for name in ("content_tokens", "seconds")},
    "rows": attrgetter("costs.rows"),
    "flops": attrgetter("costs.flops"),
    "flagged": lambda record: bool(record.costs.flags),
}
"""The functions that read the columns of samples other than the scores and the law from a record."""
_index = attrgetter("index")
MEANS = ("nfe", "rows", "flops", "tokens_per_step", "content_tokens_per_forward", "flagged")


def samples(out: Path | StoredRun) -> pd.DataFrame:
    """Return one row for each sample: the columns of its cell, its scores (`accuracy` is the headline metric) and its costs.

    Cells are in the order of the plan, and the samples of a cell in the order of their indices.

    Raises:
        UserError: the folder holds no run, or one metric was computed with different backends.
        DamagedRun: a file is damaged, or samples are missing.
    """
    run = out if isinstance(out, StoredRun) else read_run(out)
    check_backends(run)
    columns: dict[str, list[Any]] = {name: [] for name in SAMPLE_COLUMNS}
    seen: dict[Any, Any] = {}
    counts = [_add(columns, stored, seen) for stored in run.cells]
    if not sum(counts):
        return pd.DataFrame(columns=[*CELL_COLUMNS, *SAMPLE_COLUMNS])
    frame = pd.DataFrame({**_cell_columns(run, counts), **{name: _column(name, columns.pop(name)) for name in SAMPLE_COLUMNS}})
    if len(frame) != sum(counts):
        raise UserError(f"the table counts {len(frame)} samples and the files hold {sum(counts)}; this is a fault here.")
    return frame


def _add(columns: dict[str, list[Any]], stored: StoredCell, seen: dict[Any, Any]) -> int:
    """Append the samples of a cell to the columns, in the order of their indices, and return how many there are.

    Numbers are appended as one array, and of equal scores and laws only the first is kept (`seen`), because a column of a large
    run would else be some 100,000 objects, which take memory and are slow to read again.
    """
    records = sorted(stored.measurements(), key=_index)
    scores = [seen.setdefault(tuple(one.items()), one) for one in _scores(stored, records)]
    shapes = [seen.setdefault(record.law, record.law) for record in records]
    headline = stored.cell.metrics[0]
    found: dict[str, list[Any]] = {
        **{name: list(map(read, records)) for name, read in READERS.items()},
        "scores": scores,
        "accuracy": [one.get(headline) for one in scores],
        "law": [shape and shape.law for shape in shapes],
        "law_n": [shape and shape.n for shape in shapes],
        "must_differ": [shape and shape.must_differ for shape in shapes],
    }
    for name, values in found.items():
        if name in NUMBERS:
            columns[name].append(np.array(values, dtype=np.float64))
        else:
            columns[name].extend(values)
    return len(records)


def _scores(stored: StoredCell, records: Sequence[Record]) -> list[Mapping[str, float]]:
    """Every score of each record; a score that was computed after the run replaces the record's score of the same metric."""
    later = list(scores_of(stored))
    if not later:
        return [record.scores for record in records]
    found: list[Mapping[str, float]] = []
    for record in records:
        rows = {one.name: one.rows[record.sample_id].value for one in later if record.sample_id in one.rows}
        found.append({**record.scores, **{name: value for name, value in rows.items() if value is not None}})
    return found


def _column(name: str, values: list[Any]) -> Any:
    """Return a column: numbers as float64 with NaN where they are unknown, other values unchanged."""
    return np.concatenate(values) if name in NUMBERS else pd.Series(values, dtype=_kind(name))


def _kind(name: str) -> str:
    return {"index": "int64", "sample_id": "str"}.get(name, "object")


def _cell_columns(run: StoredRun, counts: list[int]) -> dict[str, Any]:
    """The columns that describe the cell; `counts` is the number of samples, and so of rows, of each cell."""
    rows = [{**_of_cell(stored), **names} for stored, names in zip(run.cells, name_cells(run), strict=True)]
    table = pd.DataFrame(rows, columns=CELL_COLUMNS)
    return {name: table[name].repeat(counts).reset_index(drop=True) for name in CELL_COLUMNS}


def _of_cell(stored: StoredCell) -> dict[str, Any]:
    cell = stored.cell
    fields = ("suite", "task_version", "revision", "dtype", "template", "canvas_length", "shots", "seed")
    return {
        **{name: getattr(cell, name) for name in fields},
        "cell": stored.id,
        "exact": cell.model_facts.exact,
        "tokenizer": cell.model_facts.tokenizer,
        "adaptive": cell.decoder_facts.adaptive,
    }


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each cell of a frame of samples: n, mean accuracy with its interval, mean costs, total seconds."""
    facts = frame.drop_duplicates("cell")[CELL_COLUMNS]  # grouping by all of them takes many times as long
    numbers = _summarise(frame, ["cell"]).drop(columns="cell")
    return pd.concat([facts.reset_index(drop=True), numbers], axis=1)  # both in the order in which cells first appear


def sample_keys(frame: pd.DataFrame) -> pd.Series[str]:
    """Return for each row of a frame of samples a key that is the same for all rows with the same question.

    Samples from data files (`schema.FIXED_SUITES`) do not depend on the seed, so their key is their index. The key of any
    other sample is its id, which includes the seed.
    """
    from_files = frame["suite"].isin(FIXED_SUITES)
    return frame["index"].astype(str).where(from_files, frame["sample_id"]) if from_files.any() else frame["sample_id"]


def pooled(frame: pd.DataFrame, keys: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """Return one row for each group and sample: `keys`, `sample` (`sample_keys`), and means over the rows of the sample.

    Args:
        frame: one row per sample (`samples`). A sample has several rows where it was drawn with several seeds.
        keys: the columns that name a group; they are the same in all rows of a cell, or follow from the sample.
        numbers: the columns of which the means are returned.
    """
    keyed = frame[[*keys, *numbers]].assign(sample=sample_keys(frame))
    of_cells = [name for name in keys if name in CELL_COLUMNS]
    if not frame.drop_duplicates("cell").duplicated(of_cells).any():
        return keyed.reset_index(drop=True)  # no group has two cells, and no cell has a sample twice
    return keyed.groupby([*keys, "sample"], sort=False)[list(numbers)].mean().reset_index()


def intervals(values: pd.Series[float], groups: pd.Series[int]) -> list[stats.Interval]:
    """Return the interval of the mean of each group of scores (`stats.interval`); `groups` numbers their groups from 0."""
    codes = groups.to_numpy()
    order = np.argsort(codes, kind="stable")[int((codes < 0).sum()) :]  # pandas numbers rows of no group -1
    parts = np.split(values.to_numpy(dtype=np.float64)[order], np.flatnonzero(np.diff(codes[order])) + 1)
    return [stats.interval(part) for part in parts if part.size]


def points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each (model, task, decoder), with the seeds pooled: one point of a task's trade-off curve.

    Samples from data files are the same in every seed; each counts once, with its mean over seeds. `seeds` is the number of
    seeds, and `seed_spread` the standard deviation (n - 1) of their mean accuracies (NaN for one seed): how much a mean varies
    if all samples are drawn anew, while the interval over samples is that of one run.
    """
    keys = [*MODEL_COLUMNS, "suite", "task", *DECODER_COLUMNS]
    numbers = ["accuracy", *MEANS, "seconds"]
    table = _summarise(pooled(frame, keys, numbers), keys)
    by_seed = frame.groupby([*keys, "seed"], sort=False)["accuracy"].mean().groupby(keys, sort=False)
    spread = by_seed.agg(seeds="size", seed_spread="std").reset_index()
    return table.merge(spread, on=keys)


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries."""
    names = [str(name) for name in table.columns]
    columns = [_natives(table.iloc[:, place]) for place in range(len(names))]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _natives(column: pd.Series[Any]) -> list[Any]:
    """The values of a column as Python's numbers and texts."""
    values = column.tolist()
    return [one.item() if isinstance(one, np.generic) else one for one in values] if column.dtype == object else values


def overall(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each (model, decoder): plain means over tasks, for decoders that ran on every task of their model."""
    keys = [*MODEL_COLUMNS, *DECODER_COLUMNS]
    tasks = {model: len(part[["suite", "task"]].drop_duplicates()) for model, part in table.groupby("model")}
    settings: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in as_rows(table):
        settings.setdefault(tuple(row[key] for key in keys), []).append(row)
    measured = ["accuracy", *MEANS, "seconds_per_sample"]
    means = as_rows(table.groupby(keys, sort=False)[measured].mean().reset_index())
    rows = []
    for row, inside in zip(means, settings.values(), strict=True):
        if len(inside) == tasks[row["model"]]:
            low, high = stats.mean_interval(*([one[name] for one in inside] for name in ("accuracy", "n", "variance")))
            rows.append({**row, "tasks": len(inside), "low": low, "high": high})
    return pd.DataFrame(rows, columns=[*keys, "tasks", "low", "high", *measured])


def _summarise(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    groups = frame.groupby(list(keys), sort=False)
    table = groups[["accuracy", *MEANS]].mean()
    table.insert(0, "n", groups.size())
    table["variance"], table["seconds"] = groups["accuracy"].var(), groups["seconds"].sum()
    table["seconds_per_sample"] = groups["seconds"].mean()
    table = table.reset_index()
    ends = intervals(frame["accuracy"], groups.ngroup())
    at = list(table.columns).index("accuracy") + 1
    table.insert(at, "low", [end.low for end in ends])
    table.insert(at + 1, "high", [end.high for end in ends])
    return table
