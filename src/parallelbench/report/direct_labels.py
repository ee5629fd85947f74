"""Writes the name of each line of a panel at its right edge, at the height of the line's end, so that no two names overlap.

Names that would overlap are moved apart vertically by transforms of the figure itself, so they hold at every width and after
every change of unit. With places i = 1, 2, ... from the top, wanted heights y and the line height h, the running maximum of
y - i h (the names pushed down) and its running minimum from below (pushed up) both keep a distance of h, and so does their
mean, which is moved inside the panel. A thin line leads from the end of the line to its name. Where a panel has room for
fewer names, the most accurate have it; the list of decoders has all.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from parallelbench.report import speeds
from parallelbench.report.theme import INK

LINE = 13
"""Pixels between two names."""
LONGEST = 130
"""Pixels of a name; a longer one ends in "…"."""
BESIDE = 22
"""Pixels between the panel and its names, where the symbol is."""
HEIGHT = "child_height"
"""The signal of the panel's height in a figure of panels."""


def width_of(names: list[str]) -> float:
    """About how many pixels to the right of a panel its names take."""
    return BESIDE + min(LONGEST, 6.6 * max((len(name) for name in names), default=0))


def drawn_labels(ends: alt.Chart, colour: alt.Color, shape: alt.Shape, unit: speeds.Unit) -> list[alt.Chart]:
    """Return the charts of the leading lines, of the symbols and of the names.

    `ends` has a row for the end of each line, with `accuracy`, `drawn` (its speed), `family` and `panel`.
    """
    placed = _placed(ends)
    y = alt.Y("label_y:Q", title="accuracy")
    edge = alt.value("width")
    leads = placed.mark_rule(strokeWidth=0.7, opacity=0.55, strokeDash=[1, 0]).encode(
        x=speeds.axis("drawn", unit), x2=alt.X2Value("width"), y=alt.Y("accuracy:Q", title="accuracy"), y2="label_y:Q",
        color=colour,
    )  # fmt: skip
    signs = placed.mark_point(filled=True, size=64, opacity=1, xOffset=11, aria=False).encode(
        x=edge, y=y, color=colour, shape=shape
    )
    text: dict[str, Any] = {"align": "left", "baseline": "middle", "fontSize": 11, "fontWeight": 600, "limit": LONGEST}
    names = placed.mark_text(dx=BESIDE - 2, color=INK, **text).encode(x=edge, y=y, text="family:N")
    return [leads, signs, names]


def _placed(ends: alt.Chart) -> alt.Chart:
    """The ends with the height of their names, `label_y`, in the units of accuracy."""
    order = [alt.SortField("accuracy", order="descending"), alt.SortField("family")]
    ranked = (
        ends.transform_window(place="row_number()", sort=order, groupby=["panel"])
        .transform_filter(f"datum.place * {LINE} <= {HEIGHT} + {LINE}")
        .transform_joinaggregate(places="count()", groupby=["panel"])
        .transform_calculate(above=f"(1 - datum.accuracy) * {HEIGHT} - datum.place * {LINE}")
        .transform_window(down="max(above)", frame=[None, 0], sort=order, groupby=["panel"])
        .transform_window(up="min(above)", frame=[0, None], sort=order, groupby=["panel"])
    )
    wanted = f"datum.place * {LINE} + (datum.down + datum.up) / 2"
    highest = f"(datum.place - 1) * {LINE}"
    lowest = f"{HEIGHT} - (datum.places - datum.place) * {LINE}"
    return ranked.transform_calculate(label_y=f"1 - max({highest}, min({wanted}, {lowest})) / {HEIGHT}")
