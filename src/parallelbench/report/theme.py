"""The common style of all figures: a colour scheme that colour-blind readers can tell apart, fonts and axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any
from zlib import crc32

import altair as alt
from altair.utils import schemapi

from parallelbench.analysis.frontier import Rows

Spec = dict[str, Any]
"""A Vega-Lite spec as a JSON value."""
ROWS = alt.NamedData(name="rows")
"""The data of every chart while it is built; `spec_of` puts the rows there."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK, QUIET, GRID = "#1f2933", "#52606d", "#e4e7eb"

FAMILIES = {
    "confidence": "#0072b2",
    "threshold": "#d55e00",
    "random": "#cc79a7",
    "margin": "#56b4e9",
    "entropy": "#009e73",
    "factor": "#e69f00",
    "left_to_right": "#882255",
    "one_by_one": "#332288",
    "all_at_once": "#7b5d2e",
}
"""Okabe and Ito's palette, and dark colours of Tol's; a family has the same colour in every figure of every report."""
OTHERS = ("#44aa99", "#999933", "#aa4499", "#117733", "#661100", "#6699cc", "#cc6677", "#4b0092", "#a6761d", "#1b7837")
"""For all other families; which one follows from the name, so that it is the same in every report that has room for it."""
SPEEDS = ("#08306b", "#2171b5", "#4fa3d1", "#f2b33d", "#e6761a", "#b2182b", "#67001f")
"""From slow (blue) to fast (red), for 1, 2, 4, ... tokens per step."""
PARTS = {"drawing independently": "#9aa5b1", "the decoder": "#d55e00", "the model": "#0072b2"}
"""The parts of a loss (`analysis.split`) with their colours, from the bottom of a stacked bar to the top."""


class Colours:
    """The colours of the decoder families of one report, the same in all of its figures."""

    def __init__(self, families: Iterable[str]) -> None:
        self.names = sorted(set(families), key=lambda name: (_place(name), name))
        self._of: dict[str, str] = {}
        for name in self.names:
            self._of[name] = FAMILIES.get(name) or self._free(name)

    def _free(self, name: str) -> str:
        """The colour that follows from a name, or the next one that no other family of the report has."""
        start = crc32(name.encode())
        ring = [OTHERS[(start + step) % len(OTHERS)] for step in range(len(OTHERS))]
        return next((colour for colour in ring if colour not in self._of.values()), ring[0])

    def of(self, family: str) -> str:
        """The colour of a family."""
        return self._of[family]

    def encoding(self, families: Iterable[str]) -> alt.Color:
        """The colour channel of a figure that shows these families."""
        shown = set(families)
        names = [name for name in self.names if name in shown]
        scale = alt.Scale(domain=names, range=[self._of[name] for name in names])
        return alt.Color("family:N", title=None, scale=scale, legend=alt.Legend(orient="bottom", columns=4, labelLimit=0))

    def shades(self, family: str, count: int) -> list[str]:
        """The colour of a family in `count` shades, from light to dark."""
        red, green, blue = (int(self._of[family][at : at + 2], 16) for at in (1, 3, 5))
        mixed = []
        for place in range(count):
            part = 0.0 if count < 2 else 0.72 - 1.12 * place / (count - 1)  # above 0: towards white, below: towards black
            ends = [round(x + (255 - x) * part) if part > 0 else round(x * (1 + part)) for x in (red, green, blue)]
            mixed.append("#" + "".join(f"{x:02x}" for x in ends))
        return mixed


def _place(name: str) -> int:
    return list(FAMILIES).index(name) if name in FAMILIES else len(FAMILIES)


def styled(chart: Any) -> Any:
    """Return the chart with the common fonts, axes and legend."""
    return (
        chart.configure(font=FONT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=QUIET, titleColor=INK, titleFontWeight="normal", titleFontSize=13, labelFontSize=12, gridColor=GRID,
            domainColor="#9aa5b1", tickColor="#9aa5b1", titlePadding=8,
        )
        .configure_legend(
            labelFontSize=12, titleFontSize=12, titleColor=QUIET, titleFontWeight="normal", symbolSize=90, labelLimit=260
        )
        .configure_header(labelFontSize=13, labelColor=INK, labelFontWeight=600, titleColor=QUIET)
    )  # fmt: skip


def unvalidated() -> AbstractContextManager[None]:
    """Build charts without Altair's validation of every part and of the whole; tests build them validated."""
    context: AbstractContextManager[None] = schemapi.debug_mode(False)
    return context


def spec_of(chart: Any, rows: Rows, transforms: Sequence[dict[str, Any]] = ()) -> Spec:
    """Return the Vega-Lite spec of a chart of `ROWS` in the common style, with the rows that it shows.

    Style, rows and transforms are added to the finished spec: Altair copies and validates whatever is in a chart at each step
    of building it, which takes seconds. The chart is validated as its parts are: not inside `unvalidated`.
    """
    plain = chart.to_dict(validate=schemapi.DEBUG_MODE)
    spec = {**plain, "config": _config(), "datasets": {ROWS.name: [_known(row) for row in rows]}}
    return {**spec, "transform": [*transforms, *spec.get("transform", [])]} if transforms else spec


@cache
def _config() -> Spec:
    """The common style as the configuration of a spec."""
    return dict(styled(alt.Chart(ROWS).mark_point()).to_dict(validate=schemapi.DEBUG_MODE)["config"])


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is unknown (NaN), which JSON cannot hold."""
    return {key: value for key, value in row.items() if value == value}
