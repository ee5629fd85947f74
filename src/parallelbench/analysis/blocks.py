"""Accuracy against the block length of semi-autoregressive decoding (ParallelBench, arXiv 2510.04767, Figures 5, 14 and 15)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.names import name_cells
from parallelbench.runs.folder import StoredRun
from parallelbench.runs.short_settings import without_defaults
from parallelbench.specs import parse, render

LEAST = 3
"""The number of block lengths that make a curve."""
KEYS = ["model", "suite", "task", "curve"]


def by_block(run: StoredRun, points: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `frame.points` of decoders that ran with three or more block lengths, else equal.

    Adds `block` (in tokens) and `curve`, the decoder without its block. Points of decoding in one block have no block length.
    """
    blocks = {}
    for stored, names in zip(run.cells, name_cells(run), strict=True):
        facts = stored.cell.decoder_facts
        if (block := facts.parameters.get("block")) is not None:
            shown = without_defaults(facts.family, facts.parameters, facts.defaults)
            blocks[names["model"], names["decoder"]] = (block, _without_block(names["family"], shown))
    rows = [
        {**row, "block": blocks[key][0], "curve": blocks[key][1]}
        for row in as_rows(points)
        if (key := (row["model"], row["decoder"])) in blocks
    ]
    table = pd.DataFrame(rows, columns=[*points.columns, "block", "curve"])
    counts = table.groupby(KEYS, sort=False)["block"].transform("nunique")
    return table[counts >= LEAST].reset_index(drop=True)


def published_by_block(published: pd.DataFrame, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the published points (`published.published_points`) of the curves of `by_block`, with `block` and `curve`."""
    wanted = set(table[["model", "task", "curve"]].itertuples(index=False, name=None))
    rows = []
    for row in as_rows(published):
        name, parameters = parse(row["decoder"])
        if "block" in parameters:
            curve = _without_block(row["family"], without_defaults(name, parameters))
            rows.append({**row, "block": parameters["block"], "curve": curve})
    return [row for row in rows if (row["model"], row["task"], row["curve"]) in wanted]


def _without_block(family: str, parameters: Any) -> str:
    return render(family, {key: value for key, value in parameters.items() if key != "block"})
