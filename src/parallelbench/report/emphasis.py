"""Chooses the families that a figure of many shows in full, with their names; all others are drawn thin and pale.

A figure of up to `MOST` families shows all of them in full. One of more shows, in each panel, those with a setting on the
frontier of all families together (no other setting there is as fast and as accurate), the baseline, and the user's decoders.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt

from parallelbench.analysis.baseline import USUAL
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows, step_frontier
from parallelbench.report.data import ReportData
from parallelbench.report.looks import BUILT_IN
from parallelbench.report.speeds import UNITS, first_unit

MOST = 8
HIDDEN, CHOSEN, FOCUS, FULL = "hidden", "chosen", "focus", "full"
"""Parameters of a figure: the families that the reader has switched off, switched on, and points at; and those in full at
first, by unit of speed and panel."""
PALE, FAINT = 0.3, 0.05
IN_FULL = (
    f"indexof({HIDDEN}, datum.family) < 0 && (indexof({CHOSEN}, datum.family) >= 0 || {FOCUS} == datum.family || "
    f"indexof({FULL}[speed][datum.panel] || [], datum.family) >= 0)"
)
"""The expression of a row's `bright`: whether its family is drawn in full."""


def always_in_full(data: ReportData) -> set[str]:
    """The families of the baseline and of decoders that are not part of this package."""
    points = data.points
    names = [data.baseline] if data.baseline else [name for name in USUAL if name in set(points["series"])][:1]
    chosen = points[["decoder", "series", "family"]].isin(names).any(axis=1)
    return {*points.loc[chosen, "family"], *(set(points["family"]) - BUILT_IN.keys())}


def in_full(rows: Rows, always: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Return for each unit of speed and each panel the families that are drawn in full; `rows` are those of the figure."""
    measured = [row for row in rows if "line" not in row]
    panels: dict[str, Rows] = {}
    for row in measured:
        panels.setdefault(row["panel"], []).append(row)
    few = len({row["family"] for row in measured}) <= MOST
    return {
        unit.column: {
            panel: sorted(_families(inside) if few else _best(inside, unit.column, unit.faster) | _families(inside, always))
            for panel, inside in panels.items()
        }
        for unit in UNITS
    }


def first_shown(data: ReportData) -> set[str]:
    """The families that the first picture of a page shows in full when it is opened."""
    rows = [{**row, "panel": row["model"]} for row in as_rows(data.overall) if row["model"] in data.shown_models]
    unit = first_unit(rows)
    shown = in_full(rows, always_in_full(data))[unit.column] if unit is not None else {}
    return {family for families in shown.values() for family in families}


def _families(rows: Rows, among: Iterable[str] | None = None) -> set[str]:
    found = {row["family"] for row in rows}
    return found if among is None else found & set(among)


def _best(rows: Rows, column: str, faster: bool) -> set[str]:
    """The families of the settings that are faster, or more accurate, than all others."""
    known = [row for row in rows if (row.get(column) or 0) > 0]
    points = [(row[column] if faster else -row[column], row["accuracy"]) for row in known]
    return {known[place]["family"] for place in step_frontier(points)}


def parameters(full: dict[str, dict[str, list[str]]]) -> list[alt.Parameter]:
    """The parameters of a figure of which the rows have the field `bright`."""
    return [
        alt.param(name=HIDDEN, value=[]),
        alt.param(name=CHOSEN, value=[]),
        alt.param(name=FOCUS, value=""),
        alt.param(name=FULL, value=full),
    ]


def pale() -> Any:
    """The opacity of what is not drawn in full."""
    return alt.condition(f"indexof({HIDDEN}, datum.family) >= 0", alt.value(FAINT), alt.value(PALE))


def sentence(rows: Rows) -> str:
    """Say which families a figure shows in full; empty where it shows all so."""
    count = len(_families([row for row in rows if "line" not in row]))
    if count <= MOST:
        return ""
    return (
        " In full and with names: decoders with a setting that no other decoder here beats in both speed and accuracy, the "
        f"baseline, and decoders from files. The others of the {count} are pale: point at one, or tick it in the list above."
    )
