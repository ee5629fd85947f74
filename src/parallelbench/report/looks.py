"""The look of each decoder family: a colour, the shape of its points and the dash of its lines, the same in every figure.

Colours are Okabe and Ito's, which colour-blind readers can tell apart, and three dark ones of Tol's. Nine colours do not
suffice for all decoders, so families of one colour differ in shape and mostly in dash too. The look of a decoder of this
package is fixed in a table, whatever else a page shows. That of any other follows from its name, with shapes that no decoder
of the package has; of two that would look alike, the one later in the alphabet has the next look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import altair as alt

PALETTE = ("#0072b2", "#d55e00", "#cc79a7", "#56b4e9", "#009e73", "#e69f00", "#882255", "#332288", "#7b5d2e")
FURTHER = ("#44aa99", "#999933", "#aa4499", "#117733", "#661100", "#6699cc", "#cc6677", "#4b0092", "#a6761d", "#1b7837")
"""More colours, for figures of many things that are not decoders."""
SOLID, DASHED, DASH_DOT = (1, 0), (7, 3), (9, 3, 2, 3)
DIAMOND = "M0,-1.1L1.1,0L0,1.1L-1.1,0Z"  # Vega's own is so narrow that it looks small next to the other shapes
STAR = "M0,-1.2L0.27,-0.37L1.14,-0.37L0.44,0.14L0.71,0.97L0,0.46L-0.71,0.97L-0.44,0.14L-1.14,-0.37L-0.27,-0.37Z"  # five points
HEXAGON = "M0,-1L0.87,-0.5L0.87,0.5L0,1L-0.87,0.5L-0.87,-0.5Z"
PATHS = {
    "circle": "M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0Z",
    "square": "M-0.89,-0.89H0.89V0.89H-0.89Z",
    "triangle-up": "M0,-0.87L1,0.87H-1Z",
    DIAMOND: DIAMOND,
    "cross": "M-1,-0.36H-0.36V-1H0.36V-0.36H1V0.36H0.36V1H-0.36V0.36H-1Z",
    "triangle-down": "M0,0.87L-1,-0.87H1Z",
    STAR: STAR,
    HEXAGON: HEXAGON,
}
"""The outline of each shape as an SVG path from -1 to 1, for legends that are not drawn by Vega."""
TIERS: tuple[tuple[str, tuple[int, ...], tuple[str, ...]], ...] = (
    (
        "circle", SOLID,
        ("confidence", "threshold", "random", "margin", "entropy", "factor", "left_to_right", "one_by_one", "all_at_once"),
    ),
    ("square", DASHED, ("eb_sampler", "wino", "klass", "credit", "matching", "slowfast", "prophet", "lopa", "rcr")),
    ("triangle-up", DASH_DOT, ("remdm", "saber", "dapd", "dawn", "dus", "local_leap", "hierarchical", "punt", "sched")),
    (DIAMOND, SOLID, ("freedave", "ssd", "clad", "t2m", "joint_edit", "core", "p2", "pc_sampler", "dream_origin")),
    ("cross", DASHED, ("euler", "analytic", "random_steps", "end_of_text", "apd")),
)  # fmt: skip
"""The families of this package by shape and dash, each in the colour of its place."""
OTHER_SHAPES = ("triangle-down", STAR, HEXAGON)
OTHER_DASHES = (SOLID, DASHED, DASH_DOT)


class Look(NamedTuple):
    """A colour, the name or path of a shape as Vega reads it, and the dash of a line: lengths of strokes and gaps."""

    colour: str
    shape: str
    dash: tuple[int, ...]

    @property
    def path(self) -> str:
        """The outline of the shape as an SVG path from -1 to 1."""
        return PATHS[self.shape]


BUILT_IN = {name: Look(PALETTE[place], shape, dash) for shape, dash, names in TIERS for place, name in enumerate(names)}
OTHERS = [Look(colour, shape, dash) for dash in OTHER_DASHES for shape in OTHER_SHAPES for colour in PALETTE]


class Looks:
    """The looks of the decoder families of one page; `names` are the families, those of this package first."""

    def __init__(self, families: Iterable[str]) -> None:
        found = set(families)
        known = [name for name in BUILT_IN if name in found]
        self.names = [*known, *sorted(found - BUILT_IN.keys())]
        self._of = {name: BUILT_IN[name] for name in known}
        for name in self.names[len(known) :]:
            self._of[name] = self._free(name)

    def _free(self, name: str) -> Look:
        """The look that follows from a name, or the next one that no other family of the page has."""
        start = crc32(name.encode())
        ring = [OTHERS[(start + step) % len(OTHERS)] for step in range(len(OTHERS))]
        taken = set(self._of.values())
        return next((look for look in ring if look not in taken), ring[0])

    def of(self, family: str) -> Look:
        """The look of a family."""
        return self._of[family]

    def colour(self, families: Iterable[str], legend: bool = True) -> alt.Color:
        """The colour channel of a figure that shows these families."""
        names = self._in_order(families)
        scale = alt.Scale(domain=names, range=[self._of[name].colour for name in names])
        return alt.Color("family:N", title=None, scale=scale, legend=_legend(legend))

    def shape(self, families: Iterable[str], legend: bool = True) -> alt.Shape:
        """The channel of the shapes of points; its legend is that of the colours too."""
        names = self._in_order(families)
        scale = alt.Scale(domain=names, range=[self._of[name].shape for name in names])
        return alt.Shape("family:N", title=None, scale=scale, legend=_legend(legend))

    def dash(self, families: Iterable[str]) -> alt.StrokeDash:
        """The channel of the dashes of lines."""
        return dashes(self.dash_scale(families, {}))

    def dash_scale(self, families: Iterable[str], more: Mapping[str, Sequence[float]]) -> alt.Scale:
        """The dashes of these families, and `more`, those of lines of no family."""
        names = self._in_order(families)
        patterns = [*(list(self._of[name].dash) for name in names), *(list(dash) for dash in more.values())]
        return alt.Scale(domain=[*names, *more], range=patterns)

    def _in_order(self, families: Iterable[str]) -> list[str]:
        shown = set(families)
        return [name for name in self.names if name in shown]

    def shades(self, family: str, count: int) -> list[str]:
        """The colour of a family in `count` shades, from light to dark."""
        red, green, blue = (int(self._of[family].colour[at : at + 2], 16) for at in (1, 3, 5))
        mixed = []
        for place in range(count):
            part = 0.0 if count < 2 else 0.72 - 1.12 * place / (count - 1)  # above 0: towards white, below: towards black
            ends = [round(x + (255 - x) * part) if part > 0 else round(x * (1 + part)) for x in (red, green, blue)]
            mixed.append("#" + "".join(f"{x:02x}" for x in ends))
        return mixed


def dashes(scale: alt.Scale) -> alt.StrokeDash:
    """The channel of the dashes of families on this scale; a legend of dashes alone would say less than that of points."""
    return alt.StrokeDash("family:N", title=None, scale=scale, legend=None)


def _legend(shown: bool) -> alt.Legend | None:
    return alt.Legend(orient="bottom", columns=4, labelLimit=0, symbolOpacity=1) if shown else None
