"""The one way to the terminal: every text from outside is cleaned, and none is taken for markup."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from parallelbench.clean import for_terminal

LOG_WIDTH = 170
"""Columns of a table in a log file: wide enough for every number."""


def say(text: str = "") -> None:
    """Print a text on stdout."""
    print(for_terminal(text), flush=True)


def note(text: str) -> None:
    """Print a remark on stderr."""
    print(for_terminal(f"note: {text}"), file=sys.stderr, flush=True)


def cell(text: str, style: str = "") -> Text:
    """Return a text as the cell of a table, without meaning as markup."""
    return Text(for_terminal(text), style=style)


def console() -> Console:
    """Return a console for stdout; a log file gets lines wide enough for every column."""
    return Console() if sys.stdout.isatty() else Console(width=LOG_WIDTH, highlight=False)


def as_wide_as_possible(build: Callable[[int, bool], Table], columns: int, where: Console) -> Table:
    """Return the table with as many of its columns as there is room for.

    Args:
        build: makes the table with its first n optional columns; the second argument says whether names may be folded.
        columns: how many optional columns there are.
        where: the console that the table is for.
    """
    unbounded = where.options.update(max_width=1_000_000)
    for count in range(columns, 0, -1):
        table = build(count, False)
        if Measurement.get(where, unbounded, table).maximum <= where.width:
            return table
    return build(1, True)


def table_of(header: list[str], rows: list[list[str]], right: int = 0) -> Table:
    """Lay out rows of text under a header; the last `right` columns are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(header):
        table.add_column(name, justify="right" if place >= len(header) - right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row))
    return table
