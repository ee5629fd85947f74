"""The results of a run as a flat table, one row for each sample or each cell, written as Parquet, CSV or JSON Lines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from parallelbench.analysis import frame as tables
from parallelbench.clean import for_csv
from parallelbench.errors import UserError, first_line
from parallelbench.runs.folder import StoredRun

Rows = Literal["samples", "cells"]
SCORE = "score_"
"""What the name of a column of scores begins with; the name of the metric follows."""


def table(run: StoredRun, rows: Rows) -> pd.DataFrame:
    """Return one row for each sample, with a column for each metric, or one for each cell.

    Raises:
        UserError: one metric was computed with different backends.
        DamagedRun: a file is damaged.
    """
    frame = tables.samples(run)
    if rows == "cells":
        return tables.cells(frame).drop(columns="variance")
    scores = pd.DataFrame(list(frame["scores"]), index=frame.index, dtype="float64").add_prefix(SCORE)
    return pd.concat([frame.drop(columns="scores"), scores], axis=1)


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet; unknown numbers and texts are null.

    Raises:
        UserError: the file cannot be written.
    """
    import duckdb

    plain = frame.assign(**{name: _texts(frame[name]) for name in frame.columns if frame[name].dtype.kind not in "bifu"})
    with duckdb.connect() as database:
        database.register("results", plain)
        target = str(path).replace("'", "''")
        try:
            database.execute(f"copy (select * from results) to '{target}' (format parquet)")
        except duckdb.IOException as error:
            raise UserError(f"{path} cannot be written ({first_line(error)}); choose another with -o.") from error


def as_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV; no text is taken for a formula by a spreadsheet."""
    return str(frame.map(for_csv).to_csv(index=False, lineterminator="\n"))


def as_json_lines(frame: pd.DataFrame) -> str:
    """Return a table as JSON Lines; unknown numbers are null."""
    rows = ({key: _json_value(value) for key, value in row.items()} for row in tables.as_rows(frame))
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of texts, truth values or whole numbers in which what is missing is None."""
    return pd.Series([None if value is None or value != value else value for value in column], dtype="object")


def _json_value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.item() if hasattr(value, "item") else value
