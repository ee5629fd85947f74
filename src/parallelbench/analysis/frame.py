"""A run folder as tables: one row per sample, one per cell, one per point of a curve. DuckDB reads, pandas holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.series import series_and_setting
from parallelbench.runs.folder import RECORDS, RunFolder, read_run
from parallelbench.runs.lines import read_lines
from parallelbench.runs.scores import overlay

CELL_COLUMNS = [
    "cell", "suite", "task", "task_version", "model", "revision", "dtype", "template", "decoder", "family", "canvas_length",
    "shots", "seed",
]  # fmt: skip
SAMPLE_COLUMNS = [
    "sample_id", "index", "accuracy", "scores", "nfe", "rows", "flagged", "tokens_per_step", "content_tokens_per_forward",
    "content_tokens", "seconds", "law", "law_n", "must_differ",
]  # fmt: skip
MEANS = {name: (name, "mean") for name in ("nfe", "tokens_per_step", "content_tokens_per_forward", "flagged")}

_QUERY = """
select parse_path(filename)[-2] as cell, sample_id, "index", scores, nfe, ledger.rows as rows,
       (coalesce(len(ledger.flags), 0) > 0)::DOUBLE as flagged, tokens_per_step,
       content_tokens_per_forward, content_tokens, seconds, law.law as law, law.n as law_n, law.must_differ as must_differ
from read_json($files, format = 'newline_delimited', filename = true, ignore_errors = true, columns = {
       sample_id: 'VARCHAR', "index": 'BIGINT', scores: 'MAP(VARCHAR, DOUBLE)', nfe: 'DOUBLE',
       ledger: 'STRUCT("rows" DOUBLE, flags VARCHAR[])', tokens_per_step: 'DOUBLE', content_tokens_per_forward: 'DOUBLE',
       content_tokens: 'DOUBLE',
       seconds: 'DOUBLE', law: 'STRUCT(law VARCHAR, n BIGINT, must_differ BOOLEAN)'})
"""


def samples(out: Path | RunFolder) -> pd.DataFrame:
    """Return one row per sample: the columns of its cell, its scores (`score` is the headline metric) and its costs.

    Rows follow the plan, and within a cell the index.

    Raises:
        UserError: the folder holds no run, a record line is damaged, or one metric was computed in two ways.
    """
    folder = out if isinstance(out, RunFolder) else read_run(out)
    cells = pd.DataFrame(_cell_rows(folder))
    rows = _records(folder)
    if rows.empty or cells.empty:
        return pd.DataFrame(columns=[*CELL_COLUMNS, *SAMPLE_COLUMNS])
    rows = overlay(folder, rows)
    frame = rows.merge(cells, on="cell", validate="many_to_one").sort_values(["place", "index"], ignore_index=True)
    frame["accuracy"] = [scores.get(metric) for scores, metric in zip(frame["scores"], frame["metric"], strict=True)]
    return frame[[*CELL_COLUMNS, *SAMPLE_COLUMNS]]


def _records(folder: RunFolder) -> pd.DataFrame:
    paths = [path for cell in folder.cells if (path := folder.cell_path(cell["id"]) / RECORDS).is_file()]
    paths = [path for path in paths if path.stat().st_size]
    if not paths:
        return pd.DataFrame()
    with duckdb.connect() as connection:
        rows = connection.execute(_QUERY, {"files": [str(path) for path in paths]}).df()
    unread = rows["sample_id"].isna()
    suspects = set(rows.loc[unread, "cell"]) | set(rows.loc[rows.duplicated(["cell", "sample_id"]), "cell"])
    for cell in suspects:
        for _ in read_lines(folder.cell_path(cell) / RECORDS):
            pass  # names the damaged line, unless it is a torn last one
    found: pd.DataFrame = rows[~unread]
    return found


def _cell_rows(folder: RunFolder) -> list[dict[str, Any]]:
    """The cells as rows; a model or task that occurs in several forms is told apart by what differs."""
    models = distinct_labels([(_with(cell, cell["model"]), _with(cell, _in_full(cell))) for cell in folder.cells])
    tasks = distinct_labels([(cell["task"], cell["task_spec"]) for cell in folder.cells])
    return [
        {
            **{key: cell[key] for key in CELL_COLUMNS if key != "cell"},
            "cell": cell["id"],
            "place": place,
            "metric": cell["metrics"][0],
            "model": models[place],
            "task": tasks[place],
        }
        for place, cell in enumerate(folder.cells)
    ]


def _in_full(cell: Mapping[str, Any]) -> str:
    return f"{cell['model']}@{cell['revision']}/{cell['dtype']}"


def _with(cell: Mapping[str, Any], model: str) -> str:
    """Name a model with the cache and the auxiliary model that it ran with."""
    cache, aux = cell.get("cache", "none"), cell.get("aux")
    kept = "" if cache == "none" else f", {cache} cache ({'approximate' if cell['approximate'] else 'exact'})"
    return model + kept + (f", aux {aux.partition('@')[0]}" if aux else "")


def distinct_labels(named: Sequence[tuple[str, str]]) -> list[str]:
    """Return for each (name, full name) the name, or the full name where that name stands for several."""
    full: dict[str, set[str]] = {}
    for name, whole in named:
        full.setdefault(name, set()).add(whole)
    return [whole if len(full[name]) > 1 else name for name, whole in named]


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell of a frame of samples: n, mean score with its interval, mean costs, seconds in all."""
    return _summarise(frame, CELL_COLUMNS, {"seconds": ("seconds", "sum")})


def who(frame: pd.DataFrame) -> pd.Series[str]:
    """Return for each row of a frame of samples what is asked: data from files is the same in every seed."""
    return frame["index"].astype(str).where(frame["suite"].isin(["official", "hf"]), frame["sample_id"])


def points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per (model, task, decoder), seeds pooled: a point of a task's curve.

    Samples that are the same in every seed (data from files) count once, with their mean over seeds. `seeds` and
    `seed_spread` say how far the means of single seeds lie apart.
    """
    keys = ["model", "suite", "task", "decoder", "family"]
    numbers = ["accuracy", *MEANS, "seconds"]
    pooled = frame.assign(who=who(frame)).groupby([*keys, "who"], sort=False)[numbers].mean().reset_index()
    table = _summarise(pooled, keys, {"seconds": ("seconds", "sum")})
    by_seed = frame.groupby([*keys, "seed"], sort=False)["accuracy"].mean().groupby(keys, sort=False)
    spread = by_seed.agg(seeds="size", seed_spread=lambda means: stats.spread_over_seeds(list(means))).reset_index()
    table = table.merge(spread, on=keys)
    return table.join(pd.DataFrame([series_and_setting(spec) for spec in table["decoder"]], columns=["series", "setting"]))


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def overall(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per (model, decoder): plain means over tasks, for the decoders that ran on every task of their model."""
    keys = ["model", "decoder", "family", "series", "setting"]
    tasks = {model: len(part[["suite", "task"]].drop_duplicates()) for model, part in table.groupby("model")}
    rows = []
    for _, part in table.groupby(keys, sort=False):
        inside = as_rows(part)
        if len(inside) < tasks[inside[0]["model"]]:
            continue
        ends = [stats.Interval(row["low"], row["high"]) for row in inside]
        low, high = stats.mean_interval([row["accuracy"] for row in inside], ends)
        means = {name: part[name].mean() for name in ("accuracy", *MEANS)}
        rows.append({**{key: inside[0][key] for key in keys}, "tasks": len(inside), **means, "low": low, "high": high})
    return pd.DataFrame(rows, columns=[*keys, "tasks", "accuracy", "low", "high", *MEANS])


def _summarise(frame: pd.DataFrame, keys: Sequence[str], more: dict[str, tuple[str, str]]) -> pd.DataFrame:
    groups = frame.groupby(list(keys), sort=False)
    table = groups.agg(n=("accuracy", "size"), accuracy=("accuracy", "mean"), **MEANS, **more).reset_index()
    ends = [stats.interval(values) for _, values in groups["accuracy"]]
    at = list(table.columns).index("accuracy") + 1
    table.insert(at, "low", [end.low for end in ends])
    table.insert(at + 1, "high", [end.high for end in ends])
    return table
