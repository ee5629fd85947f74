"""The best and the worst sample of each cell, with everything that is known of how they were decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from parallelbench.analysis.folder import RECORDS, RunFolder
from parallelbench.analysis.lines import Row, read_lines


class Example(NamedTuple):
    """A record with its cell; `rank` is "best" or "worst"."""

    cell: str
    rank: str
    record: Row


def examples(folder: RunFolder, frame: pd.DataFrame) -> Iterator[Example]:
    """Yield the worst and the best sample of each cell, in the order of the plan.

    Best: highest score, then most tokens per step, then lowest index; worst: lowest score, then fewest tokens per step.
    A cell whose samples are all alike in score gives one example, its best.
    """
    for cell, part in frame.groupby("cell", sort=False):
        ranked = part.sort_values(["score", "tokens_per_step", "index"], ascending=[False, False, True])
        wanted = {str(ranked["sample_id"].iloc[0]): "best"}
        if ranked["score"].iloc[-1] < ranked["score"].iloc[0]:
            worst = ranked[ranked["score"] == ranked["score"].iloc[-1]].sort_values(["tokens_per_step", "index"])
            wanted[str(worst["sample_id"].iloc[0])] = "worst"
        yield from _find(folder, str(cell), wanted)


def _find(folder: RunFolder, cell: str, wanted: dict[str, str]) -> list[Example]:
    lines = read_lines(folder.cell_path(cell) / RECORDS)
    found: list[tuple[Any, Row]] = [(wanted[row["sample_id"]], row) for row in lines if row["sample_id"] in wanted]
    return [Example(cell, rank, row) for rank, row in sorted(found, key=lambda item: item[0], reverse=True)]
