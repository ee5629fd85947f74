"""The best and the worst sample of each cell, with everything that is known of how they were decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from parallelbench.metrics.grammar import check
from parallelbench.runs.folder import RECORDS, RunFolder
from parallelbench.runs.lines import Row, read_lines
from parallelbench.runs.scores import FAILURES, Stored, stored


class Example(NamedTuple):
    """A record with its cell; `rank` is "best" or "worst".

    `scores` are all that are known, `labels` the reasons why it failed, `hits` the rules of grammar that it breaks, each with
    the part of the text that breaks it.
    """

    cell: str
    rank: str
    record: Row
    scores: Mapping[str, float]
    labels: Sequence[str]
    hits: Sequence[tuple[str, str]]


def examples(folder: RunFolder, frame: pd.DataFrame) -> Iterator[Example]:
    """Yield the worst and the best sample of each cell, in the order of the plan.

    Best: highest score, then most tokens per step, then lowest index; worst: lowest score, then fewest tokens per step.
    A cell whose samples are all alike in score gives one example, its best.
    """
    for cell, part in frame.groupby("cell", sort=False):
        ranked = part.sort_values(["accuracy", "tokens_per_step", "index"], ascending=[False, False, True])
        wanted = {str(ranked["sample_id"].iloc[0]): "best"}
        if ranked["accuracy"].iloc[-1] < ranked["accuracy"].iloc[0]:
            worst = ranked[ranked["accuracy"] == ranked["accuracy"].iloc[-1]].sort_values(["tokens_per_step", "index"])
            wanted[str(worst["sample_id"].iloc[0])] = "worst"
        yield from _find(folder, str(cell), wanted)


def _find(folder: RunFolder, cell: str, wanted: dict[str, str]) -> list[Example]:
    lines = read_lines(folder.cell_path(cell) / RECORDS)
    later = list(stored(folder, cell))
    found: list[tuple[Any, Row]] = [(wanted[row["sample_id"]], row) for row in lines if row["sample_id"] in wanted]
    return [_example(cell, rank, row, later) for rank, row in sorted(found, key=lambda item: item[0], reverse=True)]


def _example(cell: str, rank: str, record: Row, later: Sequence[Stored]) -> Example:
    rows = {one.name: one.rows[record["sample_id"]] for one in later if record["sample_id"] in one.rows}
    scores = {**record["scores"], **{name: row["value"] for name, row in rows.items() if "value" in row}}
    return Example(cell, rank, record, scores, rows.get(FAILURES, {}).get("labels", ()), _hits(record, scores, rows))


def _hits(record: Row, scores: Mapping[str, float], rows: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What checkers of grammar found: as stored, and by the embedded one anew."""
    kept = [hit for row in rows.values() for hit in row.get("hits", ())]
    if "grammar" in scores and "grammar" not in rows:
        kept += check(record["text"])
    return [(rule, record["text"][start:end]) for rule, start, end in kept]
