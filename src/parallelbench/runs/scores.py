"""Scores and reasons that were computed after a run: `cells/<id>/scores/<metric>.jsonl` (docs/records.md).

The first line names the metric and its backend, every other one sample. They stand in the place of what the records say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from parallelbench.errors import UserError
from parallelbench.runs.folder import RECORDS, RunFolder

SCORES, SUFFIX = "scores", ".jsonl"
FAILURES = "failures"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Stored:
    """One metric of one cell: what computed it, and one row per sample id (`value` and `hits`, or `labels`)."""

    name: str
    backend: str
    rows: Mapping[str, Mapping[str, Any]]


def score_file(folder: RunFolder, cell_id: str, name: str) -> Path:
    """Where the scores of a metric and a cell are kept."""
    return folder.cell_path(cell_id) / SCORES / f"{name}{SUFFIX}"


def read_stored(path: Path) -> Stored | None:
    """Read a file of scores; None where there is none or its first line is torn. A torn last line is left out.

    Raises:
        UserError: another line is damaged.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        lines = [line for line in file if line.endswith(b"\n")]
    try:
        head, *rest = (json.loads(line) for line in lines)
        if head["schema"] != SCHEMA:
            raise KeyError("schema")
        return Stored(head["metric"], head["backend"], {row["sample_id"]: row for row in rest})
    except (ValueError, KeyError, TypeError):
        if not lines:
            return None
        raise UserError(f"{path} is damaged; delete it and give the 'parallelbench score' command again.") from None


def stored(folder: RunFolder, cell_id: str) -> Iterator[Stored]:
    """Yield what was computed afterwards for a cell, by name."""
    for path in sorted((folder.cell_path(cell_id) / SCORES).glob(f"*{SUFFIX}")):
        found = read_stored(path)
        if found is not None:
            yield found


def overlay(folder: RunFolder, rows: pd.DataFrame) -> pd.DataFrame:
    """Put the scores that were computed afterwards into the `scores` of a frame of records, and check their backends.

    Raises:
        UserError: a file is damaged, or one metric was computed by two backends.
    """
    check_backends(folder)
    later: dict[tuple[str, str], dict[str, float]] = {}
    for cell in folder.cells:
        for found in stored(folder, cell["id"]):
            for sample_id, row in found.rows.items():
                if "value" in row:
                    later.setdefault((cell["id"], sample_id), {})[found.name] = row["value"]
    if not later:
        return rows
    keys = zip(rows["cell"], rows["sample_id"], rows["scores"], strict=True)
    merged = [{**scores, **later.get((cell, sample), {})} for cell, sample, scores in keys]
    return rows.assign(scores=pd.Series(merged, index=rows.index, dtype=object))


def backends(folder: RunFolder) -> dict[str, set[str]]:
    """Return for each metric of a run what computed it; records that do not say are left out."""
    found: dict[str, set[str]] = {}
    for cell in folder.cells:
        said = [*cell.get("backends", {}).items()]
        for one in stored(folder, cell["id"]):
            if len(one.rows) >= _count(folder, cell["id"]):  # of the records' own scores none is left
                said = [(name, backend) for name, backend in said if name != one.name]
            said.append((one.name, one.backend))
        for name, backend in said:
            if name != FAILURES:
                found.setdefault(name, set()).add(backend)
    return found


def _count(folder: RunFolder, cell_id: str) -> int:
    """How many records a cell has."""
    with (folder.cell_path(cell_id) / RECORDS).open("rb") as file:
        return sum(line.endswith(b"\n") for line in file)


def check_backends(folder: RunFolder) -> None:
    """Refuse a run in which one metric was computed in two ways.

    Raises:
        UserError: there is such a metric; the message says how to compute it anew.
    """
    for name, ways in backends(folder).items():
        if len(ways) > 1:
            raise UserError(
                f"{name} was computed in {len(ways)} ways in {folder.path} ({'; '.join(sorted(ways))}); compute it anew for "
                f"every cell: parallelbench score {folder.path} --metric {name}."
            )
