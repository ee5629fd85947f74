"""Selects the samples that a report shows, with scores and traces of decoding: every reason why answers fail is among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from parallelbench.analysis.failures import Reasons
from parallelbench.metrics.grammar import check
from parallelbench.runs.folder import StoredCell, StoredRun
from parallelbench.runs.records import Record, Trace
from parallelbench.runs.scores import ScoreRow, reasons_of, scores_of

MOST_SAMPLES = 20
"""The number of samples that a report shows, unless more reasons occur; each adds some 3 kB to the page."""
BEST, WORST = "best", "worst"

Wanted = dict[str, dict[str, int]]
"""The samples to show: by cell id and rank, the index. The rank is "best", "worst" or the reason that the sample shows."""


class Example(NamedTuple):
    """A record and its trace, with the id of the cell; `rank` is "best", "worst" or the reason that it is an example of.

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


def telling_samples(cells: pd.DataFrame, frame: pd.DataFrame, found: Reasons) -> Wanted:
    """Choose the samples that a report shows.

    First one sample for each reason why answers failed; then, while there is room, the best sample of each of these cells, for
    comparison; then the best and the worst sample of other cells. There are at most `MOST_SAMPLES`, or as many as there are
    reasons.

    Args:
        cells: one row per cell (`frame.cells`).
        frame: one row per sample of these cells (`frame.samples`).
        found: the reasons of these samples (`failures.reasons`).

    Returns:
        the samples, by cell in the order of `cells`.
    """
    order = _most_telling_first(cells)
    wanted = _one_for_each_reason(frame, found, order)
    room = MOST_SAMPLES - sum(map(len, wanted.values()))
    parts = frame.groupby("cell", sort=False)
    for cell in sorted(order, key=lambda one: (one not in wanted, order[one])):
        if room <= 0:
            break
        before = wanted.get(cell, {})
        new = {rank: index for rank, index in _ends(parts.get_group(cell)).items() if index not in before.values()}
        if before:
            new.pop(WORST, None)
        shown = dict(list(new.items())[-room:])
        wanted[cell] = {**shown, **before}
        room -= len(shown)
    return {cell: wanted[cell] for cell in cells["cell"] if cell in wanted}


def _most_telling_first(cells: pd.DataFrame) -> dict[str, int]:
    """The place of each cell in the order in which cells are shown.

    One cell of each model and task comes after another, then a second one of each, and so on; within a model and task, and
    among those, the cell with accuracy nearest 50 % is first, because it has both right and wrong answers to compare. Cells
    whose answers are all right or all wrong come last.
    """
    away = (cells["accuracy"] - 0.5).abs()
    ranked = cells.assign(away=away, uniform=away >= 0.5).sort_values(["uniform", "away"], kind="stable")
    turns = ranked.assign(turn=ranked.groupby(["model", "suite", "task"], sort=False).cumcount())
    ordered = turns.sort_values(["uniform", "turn", "away"], kind="stable")["cell"]
    return {str(cell): place for place, cell in enumerate(ordered)}


def _one_for_each_reason(frame: pd.DataFrame, found: Reasons, order: Mapping[str, int]) -> Wanted:
    """A sample for each reason: one with few other reasons, of a cell that comes early; a rare reason is looked at first."""
    codes, indices = found.codes, frame["index"].to_numpy(dtype=np.int64)
    places = frame["cell"].map(order).to_numpy(dtype=np.int64)
    lengths = np.array([*map(len, found.kinds), 0])
    rows = {
        label: np.flatnonzero(np.array([*(label in kind for kind in found.kinds), False])[codes])  # the code -1 is the last
        for label in {label for kind in found.kinds for label in kind}
    }
    wanted: Wanted = {}
    shown: set[str] = set()
    for label in sorted(rows, key=lambda name: (rows[name].size, name)):
        inside = rows[label]
        if inside.size and label not in shown:
            plainest = inside[np.lexsort((indices[inside], places[inside], lengths[codes[inside]]))[0]]
            wanted.setdefault(str(frame["cell"].iloc[plainest]), {})[label] = int(indices[plainest])
            shown.update(found.kinds[codes[plainest]])
    return wanted


def _ends(part: pd.DataFrame) -> dict[str, int]:
    """The best and the worst sample of a cell; only the best where all samples have the same accuracy.

    Best: highest accuracy, then most tokens per step, then lowest index; worst: lowest accuracy, then fewest tokens per step.
    """
    ranked = part.sort_values(["accuracy", "tokens_per_step", "index"], ascending=[False, False, True])
    ends = {BEST: int(ranked["index"].iloc[0])}
    if ranked["accuracy"].iloc[-1] < ranked["accuracy"].iloc[0]:
        lowest = ranked[ranked["accuracy"] == ranked["accuracy"].iloc[-1]]
        ends[WORST] = int(lowest.sort_values(["tokens_per_step", "index"])["index"].iloc[0])
    return ends


def examples(run: StoredRun, wanted: Wanted) -> Iterator[Example]:
    """Read the samples of `telling_samples`, cell by cell.

    Raises:
        DamagedRun: a file is damaged, or a trace is missing.
    """
    stored = {cell.id: cell for cell in run.cells}
    for cell, ranks in wanted.items():
        yield from read_examples(stored[cell], ranks)


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
