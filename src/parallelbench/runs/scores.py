"""Scores and reasons of failures that were computed after a run: `cells/<id>/scores/<metric>.jsonl` (docs/records.md).

The first line names the metric and what computed it, every other line is one sample. They replace what the records say.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from parallelbench.errors import UserError
from parallelbench.runs.border import SCHEMA, STRICT, DamagedRun, Schema, parse
from parallelbench.runs.cell_folder import RECORDS, CellFolder
from parallelbench.runs.disk import Appender, disk_errors
from parallelbench.runs.fast_lines import FastLines
from parallelbench.runs.folder import StoredCell, StoredRun
from parallelbench.runs.json_lines import count_lines, whole_bytes, whole_data, whole_lines
from parallelbench.runs.records import Rate

SCORES, SUFFIX = "scores", ".jsonl"
FAILURES = "failures"
"""The name under which reasons of failures are stored; it is no metric."""


@dataclass(frozen=True, slots=True)
class ScoreHead:
    """The first line of a file of scores."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema
    cell: str
    metric: str
    backend: str


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """What was computed for one sample: a value and what a checker found (rule, start and end in the text), or reasons."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    sample_id: str
    value: Rate | None = None
    hits: tuple[tuple[str, int, int], ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredScores:
    """One metric of one cell: what computed it, and one row for each sample id."""

    name: str
    backend: str
    rows: Mapping[str, ScoreRow]


HEAD, ROW = TypeAdapter(ScoreHead), TypeAdapter(ScoreRow)
_FAST = FastLines(ScoreRow, ROW)


def score_file(folder: CellFolder, name: str) -> Path:
    """Where the scores of a metric are kept."""
    return folder.path / SCORES / f"{name}{SUFFIX}"


def read_scores(path: Path) -> StoredScores | None:
    """Read a file of scores; None where there is none or its first line is torn. A torn last line is left out.

    Raises:
        DamagedRun: another line is damaged or repeats a sample, or name or folder are those of another metric or cell.
        OtherSchema: another version wrote it.
    """
    head, rows = _head_and_rows(path)
    if head is None:
        return None
    return StoredScores(
        head.metric, head.backend, {row.sample_id: ScoreRow(row.sample_id, row.value, row.hits, row.labels) for row in rows}
    )


def _head_and_rows(path: Path) -> tuple[ScoreHead | None, list[Any]]:
    """The first line of a file of scores, and the others as values with the attributes of a `ScoreRow`."""
    data = whole_data(path)
    head = _head(data, path)
    if head is None:
        return None, []
    if head.metric != path.stem:
        raise DamagedRun(path, f"holds {head.metric:.80}, not {path.stem}")
    if head.cell != path.parent.parent.name:
        raise DamagedRun(path, f"is of the cell {head.cell:.80}, not {path.parent.parent.name}")
    rows, found = _FAST.values(data, path, first=2), set[str]()
    if len({row.sample_id for row in rows}) < len(rows):
        for number, row in enumerate(rows, 2):
            if row.sample_id in found:
                raise DamagedRun(path, f"repeats the sample {row.sample_id:.80}", number)
            found.add(row.sample_id)
    return head, rows


def _head(data: bytes | None, path: Path) -> ScoreHead | None:
    """The first line of a file of scores, of which `json_lines.whole_data` says `data`; None where there is none."""
    line = next((line for _, line in whole_lines(path)), b"") if data is None else data[: data.find(b"\n") + 1]
    return parse(line, HEAD, path, 1) if line else None


def is_complete(folder: CellFolder, name: str, backend: str) -> bool:
    """Whether a finished cell has a score of this name from this backend for each of its samples; only the head is parsed.

    Raises:
        DamagedRun: DONE or the head is damaged.
    """
    path, done = score_file(folder, name), folder.done_rows()
    data = whole_data(path)
    head = _head(data, path)
    if head is None or head.backend != backend:
        return False
    return done == (count_lines(path) if data is None else data.count(b"\n")) - 1


def scores_of(cell: StoredCell) -> Iterator[StoredScores]:
    """Yield the metrics that were computed afterwards for a cell, folder by folder, by name.

    Raises:
        DamagedRun: a file is damaged.
    """
    paths = (score_file(folder, name) for folder in cell.folders for name in _names(folder) if name != FAILURES)
    return (one for path in paths if (one := read_scores(path)) is not None)


def reasons_of(cell: StoredCell) -> Iterator[StoredScores]:
    """Yield the reasons of failures of a cell, folder by folder.

    Raises:
        DamagedRun: a file is damaged.
    """
    paths = (score_file(folder, FAILURES) for folder in cell.folders)
    return (one for path in paths if (one := read_scores(path)) is not None)


def labels_of(cell: StoredCell) -> dict[str, Sequence[str]]:
    """Return the reasons of failures of a cell by sample id, faster than `reasons_of`.

    Raises:
        DamagedRun: a file is damaged.
    """
    paths = (score_file(folder, FAILURES) for folder in cell.folders)
    return {row.sample_id: row.labels for path in paths for row in _head_and_rows(path)[1]}


def _names(folder: CellFolder) -> list[str]:
    """The names under which scores are kept in a folder, sorted."""
    try:
        with os.scandir(folder.path / SCORES) as found:
            return sorted(one.name.removesuffix(SUFFIX) for one in found if one.name.endswith(SUFFIX))
    except (FileNotFoundError, NotADirectoryError):
        return []


@contextlib.contextmanager
def appending_scores(path: Path, head: ScoreHead, keep: bool) -> Iterator[Appender]:
    """Open a file of scores for more lines; unless what is there is kept, the file begins anew with its first line.

    Raises:
        UserError: the disk cannot be written.
    """
    with disk_errors(path):
        path.parent.mkdir(exist_ok=True)
        if not keep:
            path.unlink(missing_ok=True)
    file = Appender(path, whole_bytes(path) if keep else 0)
    try:
        if not keep:
            file.append(HEAD.dump_json(head) + b"\n")
        yield file
    finally:
        file.close()


def row_line(row: ScoreRow) -> bytes:
    """Write one row as a line."""
    return ROW.dump_json(row, exclude_defaults=True) + b"\n"


def head_of(cell_id: str, metric: str, backend: str) -> ScoreHead:
    """The first line of a file of scores of this version."""
    return ScoreHead(SCHEMA, cell_id, metric, backend)


def backends(run: StoredRun) -> dict[str, set[str]]:
    """Return for each metric of a run what computed it; records that do not say are left out.

    Raises:
        DamagedRun: a file is damaged.
    """
    found: dict[str, set[str]] = {}
    for cell in run.cells:
        stored = list(scores_of(cell))
        count = sum(_count(folder) for folder in cell.folders) if stored else 0
        rows: Counter[str] = Counter()
        for one in stored:
            rows[one.name] += len(one.rows)
        recorded = [pair for file in cell.files for pair in file.backends.items() if not 0 < count <= rows[pair[0]]]
        for name, backend in [*recorded, *((one.name, one.backend) for one in stored)]:
            found.setdefault(name, set()).add(backend)
    return found


def _count(folder: CellFolder) -> int:
    """How many records a cell has."""
    return count_lines(folder.path / RECORDS)


def check_backends(run: StoredRun) -> None:
    """Refuse a run in which one metric was computed in two ways.

    Raises:
        UserError: there is such a metric; the message says how to compute it anew.
    """
    for name, ways in backends(run).items():
        if len(ways) > 1:
            folder = run.folders[0].path
            raise UserError(
                f"{name} was computed in {len(ways)} ways in {folder} ({'; '.join(sorted(ways))}); compute it anew for every "
                f"cell: parallelbench score {folder} --metric {name}."
            )
