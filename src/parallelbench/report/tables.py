"""Tables of the report's page. Cells hold text; cells with a rate also have a background shade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Cell(NamedTuple):
    """One cell: its text, its background shade `heat` in [0, 1], a `note` that is shown under the mouse pointer.

    `right` aligns it to the right; before the name of a decoder is the symbol of its `family`.
    """

    text: str
    heat: float | None = None
    note: str = ""
    right: bool = False
    family: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A caption, a header and rows; `folded` hides it until it is opened, `slanted` writes the header at an angle."""

    caption: str
    header: list[str]
    rows: list[list[Cell]]
    folded: bool = False
    slanted: bool = False


def number(value: float) -> Cell:
    """A quantity to two decimals; NaN is unknown."""
    return Cell("unknown" if value != value else f"{value:.2f}", right=True)


def percent(value: float) -> str:
    """A rate in percent to one decimal."""
    return f"{100 * value:.1f}"


def rate(value: float) -> Cell:
    """A shaded rate."""
    return Cell(percent(value), value, right=True)


def mark(row: Mapping[str, Any], prefix: str = "") -> Cell:
    """A shaded score with its interval as the note; the keys of `row` begin with `prefix`."""
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    score = row[f"{prefix}accuracy"]
    note = f"{percent(score)} %, 95 %: {percent(low)} to {percent(high)}"
    if row.get(f"{prefix}seeds", 1) > 1:
        spread = percent(row[f"{prefix}seed_spread"])
        note += f"; means of {row[f'{prefix}seeds']} seeds, standard deviation {spread} points"
    return Cell(f"{100 * score:.0f}", score, note, right=True)
