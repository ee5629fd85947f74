"""Tables for the page: text, and a shade where a number is a rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Cell(NamedTuple):
    """What a cell says; `heat` in [0, 1] shades it, `note` is shown when it is pointed at."""

    text: str
    heat: float | None = None
    note: str = ""
    right: bool = False


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
    """A shaded score that tells its interval; `prefix` is that of its keys."""
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    score = row[f"{prefix}accuracy"]
    note = f"{percent(score)} %, 95 %: {percent(low)} to {percent(high)}"
    if row.get(f"{prefix}seeds", 1) > 1:
        spread = percent(row[f"{prefix}seed_spread"])
        note += f"; means of {row[f'{prefix}seeds']} seeds, standard deviation {spread} points"
    return Cell(f"{100 * score:.0f}", score, note, right=True)
