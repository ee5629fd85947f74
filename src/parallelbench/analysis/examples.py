"""Selects the cells that a report shows examples of, and their best and worst samples, with scores and traces of decoding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from parallelbench.metrics.grammar import check
from parallelbench.runs.folder import StoredCell, StoredRun
from parallelbench.runs.records import Record, Trace
from parallelbench.runs.scores import ScoreRow, reasons_of, scores_of

MOST_CELLS = 10
"""The number of cells that a report shows examples of; each adds some 6 kB to the page."""


class Example(NamedTuple):
    """A record and its trace, with the id of the cell; `rank` is "best" or "worst".

    `scores` are all that are known, `labels` the reasons why it failed, `hits` the rules of grammar that it breaks, each with
    the part of the text that breaks it.
    """

    cell: str
    rank: str
    record: Record
    trace: Trace
    scores: Mapping[str, float]
    labels: Sequence[str]
    hits: Sequence[tuple[str, str]]


def telling_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return at most `MOST_CELLS` rows of a table of cells (`frame.cells`), in its order.

    Where there are more, one cell of each model and task after another is chosen, then a second one of each, and so on; within
    a model and task, and among those, the cell with accuracy nearest 50 % is first, because it has both right and wrong
    answers to compare. Cells whose answers are all right or all wrong are chosen last.
    """
    away = (cells["accuracy"] - 0.5).abs()
    ranked = cells.assign(away=away, uniform=away >= 0.5).sort_values(["uniform", "away"], kind="stable")
    turns = ranked.assign(turn=ranked.groupby(["model", "suite", "task"], sort=False).cumcount())
    chosen = turns.sort_values(["uniform", "turn", "away"], kind="stable").index[:MOST_CELLS]
    return cells.loc[sorted(chosen)]


def examples(run: StoredRun, frame: pd.DataFrame) -> Iterator[Example]:
    """Yield the best and the worst sample of each cell in a frame of samples, in the order of the frame.

    Best: highest accuracy, then most tokens per step, then lowest index; worst: lowest accuracy, then fewest tokens per step.
    A cell in which all samples have the same accuracy gives one example, its best.
    """
    stored = {cell.id: cell for cell in run.cells}
    for cell, part in frame.groupby("cell", sort=False):
        ranked = part.sort_values(["accuracy", "tokens_per_step", "index"], ascending=[False, False, True])
        wanted = {"best": int(ranked["index"].iloc[0])}
        if ranked["accuracy"].iloc[-1] < ranked["accuracy"].iloc[0]:
            lowest = ranked[ranked["accuracy"] == ranked["accuracy"].iloc[-1]]
            wanted["worst"] = int(lowest.sort_values(["tokens_per_step", "index"])["index"].iloc[0])
        yield from read_examples(stored[str(cell)], wanted)


def read_examples(stored: StoredCell, wanted: Mapping[str, int]) -> Iterator[Example]:
    """Yield samples of a cell by rank and index, with their scores, reasons and traces.

    Raises:
        DamagedRun: a file is damaged, or a trace is missing.
    """
    found = {
        index: (folder, record)
        for folder in stored.folders
        for index, record in folder.find(stored.cell, set(wanted.values())).items()
    }
    later, reasons = list(scores_of(stored)), list(reasons_of(stored))
    for rank, index in wanted.items():
        folder, record = found[index]
        rows = {one.name: one.rows[record.sample_id] for one in later if record.sample_id in one.rows}
        scores = {**record.scores, **{name: row.value for name, row in rows.items() if row.value is not None}}
        labels = [label for one in reasons if record.sample_id in one.rows for label in one.rows[record.sample_id].labels]
        yield Example(stored.id, rank, record, folder.trace(record), scores, labels, _hits(record, scores, rows))


def _hits(record: Record, scores: Mapping[str, float], rows: Mapping[str, ScoreRow]) -> list[tuple[str, str]]:
    """The grammar mistakes: those stored with scores, and those of the built-in checker if only its score was stored."""
    kept = [hit for row in rows.values() for hit in row.hits]
    if "grammar" in scores and "grammar" not in rows:
        kept += check(record.text)
    return [(rule, record.text[start:end]) for rule, start, end in kept]
