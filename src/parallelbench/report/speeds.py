"""The units in which the figures of a report measure speed, and what a figure needs so that a reader can change the unit.

A figure has a parameter `speed`, the name of the unit and of a column of its rows. All that follows from the unit (positions,
Pareto frontiers, the direction of the axis) is computed by the figure itself, so nothing is drawn anew when it changes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt

from parallelbench.analysis.frontier import Rows


class Unit(NamedTuple):
    """A column of the rows, its name for readers, and whether more of it is faster."""

    column: str
    title: str
    faster: bool


UNITS = (
    Unit("content_tokens_per_forward", "content tokens per forward", True),
    Unit("tokens_per_step", "tokens per step", True),
    Unit("nfe", "forwards per sample", False),
    Unit("rows", "rows per sample", False),
    Unit("seconds_per_sample", "seconds per sample", False),
    Unit("flops", "FLOPs per sample", False),
)
COLUMNS = [unit.column for unit in UNITS]
PUBLISHED = "tokens_per_step"
"""The only unit in which the paper published speeds."""
SPEED_ONLY: list[dict[str, Any]] = [
    {"calculate": "datum[speed]", "as": "x"},
    {"filter": "isValid(datum.x) && datum.x > 0"},
]
"""The transforms of a figure that needs the position of a speed, and nothing else that follows from the unit."""
DODGED = 0.1
"""How far apart points are drawn that would cover each other, in doublings of the speed."""
_FASTER = "indexof(['content_tokens_per_forward', 'tokens_per_step'], speed) >= 0"
_TICK = "speed == 'flops' ? format(datum.value, '.2~s') : format(datum.value, '.3~r')"


def known_units(rows: Rows) -> list[Unit]:
    """The units in which every measured row has a speed above 0; bounds know fewer.

    Where published points of the same model are shown, the unit of the paper comes first.
    """
    measured = [row for row in rows if "line" not in row]
    known = [unit for unit in UNITS if measured and all((row.get(unit.column) or 0) > 0 for row in measured)]
    compared = any("of" in row and not row["other"] for row in rows)
    return sorted(known, key=lambda unit: unit.column != PUBLISHED) if compared else known


def first_unit(rows: Rows) -> Unit | None:
    """The unit in which a figure is drawn at first; None where none is known."""
    return next(iter(known_units(rows)), None)


def parameter(unit: Unit) -> alt.Parameter:
    """The parameter of a figure that names its unit of speed."""
    return alt.param(name="speed", value=unit.column)


def transforms(groups: list[str]) -> list[dict[str, Any]]:
    """The transforms of a Vega-Lite spec that add the fields which follow from the unit, within each panel (`groups`).

    `x` is the speed, `fast` rises with it; `frontier` marks the Pareto-optimal rows of each family and line, `slowest` and
    `end` the first and the last of these; `drawn` is x, moved a little where another family's point would be covered.
    """
    series = [*groups, "family", "line"]
    covering = [*groups, "line", "bx", "by"]
    falling = [{"field": "fast", "order": "descending"}, {"field": "accuracy", "order": "descending"}]
    in_order = {"sort": falling, "groupby": series, "ignorePeers": True}
    return [
        *SPEED_ONLY,
        {"calculate": f"{_FASTER} ? datum.x : -datum.x", "as": "fast"},
        {"calculate": "round(6 * log(datum.x))", "as": "bx"},
        {"calculate": "round(50 * datum.accuracy)", "as": "by"},
        {"window": [{"op": "max", "field": "accuracy", "as": "highest"}], **in_order, "frame": [None, 0]},
        {"window": [{"op": "lag", "field": "highest", "as": "best"}], **in_order},
        {"calculate": "!isValid(datum.best) || datum.accuracy > datum.best", "as": "frontier"},
        {
            "joinaggregate": [
                {"op": "max", "field": "accuracy", "as": "top"},
                {"op": "max", "field": "fast", "as": "quickest"},
            ],
            "groupby": [*series, "frontier"],
        },
        {"window": [{"op": "row_number", "as": "place"}], "sort": [{"field": "family"}], "groupby": covering},
        {"joinaggregate": [{"op": "count", "as": "places"}], "groupby": covering},
        {"calculate": "datum.frontier && datum.accuracy == datum.top", "as": "slowest"},
        {"calculate": "datum.frontier && datum.fast == datum.quickest", "as": "end"},
        {"calculate": f"datum.x * pow(2, {DODGED} * (datum.place - (datum.places + 1) / 2))", "as": "drawn"},
    ]


def axis(field: str = "x", unit: Unit = UNITS[0]) -> alt.X:
    """The x axis on a log2 scale over the range of what is drawn; faster is always further right."""
    scale = alt.Scale(type="log", base=2, nice=False, zero=False, padding=14, reverse=alt.ExprRef(f"!({_FASTER})"))
    shown = alt.Axis(labelExpr=_TICK, tickCount=6, labelOverlap=True, labelFlush=False)
    return alt.X(f"{field}:Q", title=unit.title, scale=scale, axis=shown)


def fixed_axis(unit: Unit) -> alt.X:
    """The x axis of a figure that has one unit of speed only."""
    scale = alt.Scale(type="log", base=2, nice=False, zero=False, padding=14, reverse=not unit.faster)
    shown = alt.Axis(format="~g", tickCount=6, labelOverlap=True)
    return alt.X(f"{unit.column}:Q", title=unit.title, scale=scale, axis=shown)


def titles() -> dict[str, str]:
    """What the axis is called in each unit."""
    return {unit.column: unit.title + ("" if unit.faster else " (fewer to the right)") for unit in UNITS}


def tooltip() -> list[alt.Tooltip]:
    """What is shown of a point under the mouse pointer."""
    forms: dict[str, Any] = {"flops": ".3~s"}
    return [
        alt.Tooltip("decoder:N"),
        alt.Tooltip("accuracy:Q", title="accuracy", format=".1%"),
        alt.Tooltip("low:Q", title="95 % from", format=".1%"),
        alt.Tooltip("high:Q", title="95 % to", format=".1%"),
        *(alt.Tooltip(f"{unit.column}:Q", title=unit.title, format=forms.get(unit.column, ".3~r")) for unit in UNITS),
    ]
