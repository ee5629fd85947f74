"""Why a Latin square or a Sudoku is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from parallelbench.schema import Sample

Rows = list[list[str]]


def reasons(sample: Sample, text: str) -> set[str]:
    """Return the reasons why a Latin square or a Sudoku fails."""
    latin = "symbols" in sample.facts
    symbols = list(sample.facts["symbols"]) if latin else list("1234")
    lines = [line for line in text.strip().split("\n") if line.strip()]
    rows: Rows = [[cell.strip() for cell in (line.split(",") if latin else line.replace(" ", ""))] for line in lines]
    found = set()
    if len(rows) != len(symbols) or any(len(row) != len(symbols) for row in rows):
        return {"format_broken"}
    if any(cell not in symbols for row in rows for cell in row):
        found.add("item_invented")
    if any(len(set(group)) < len(group) for group in _groups(rows, boxes=not latin)):
        found.add("symbol_repeated")
    if not latin and _changes(rows, sample.facts["puzzle"].split("\n")):
        found.add("given_changed")
    return found


def _groups(rows: Rows, boxes: bool) -> Iterator[list[str]]:
    """Yield the rows, the columns and, of a Sudoku, the boxes of 2 x 2 cells."""
    yield from rows
    yield from (list(column) for column in zip(*rows, strict=True))
    if boxes:
        yield from ([rows[r + i][c + j] for i in (0, 1) for j in (0, 1)] for r in (0, 2) for c in (0, 2))


def _changes(rows: Rows, puzzle: list[str]) -> bool:
    """True where a cell that the puzzle shows has another digit; "0" is an empty cell of the puzzle."""
    cells = zip((cell for row in rows for cell in row), "".join(puzzle), strict=False)
    return any(shown not in ("0", cell) for cell, shown in cells)
