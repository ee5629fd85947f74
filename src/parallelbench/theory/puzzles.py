"""Laws of the puzzles: uniform over every filling of a grid in which no unit (row, column, box) repeats a symbol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from parallelbench.errors import UserError
from parallelbench.theory.base import SUPPORT_LIMIT, Ints
from parallelbench.theory.table import TableLaw

LATIN_LIMIT = 5
_ALIVE_LIMIT = 1_000_000

Small = npt.NDArray[np.int8]
Masks = npt.NDArray[np.int32]


def latin_square(n: int, symbols: Sequence[str] | None = None) -> TableLaw:
    """All n x n Latin squares, uniform: 12 for n = 3, 576 for n = 4, 161,280 for n = 5; row by row.

    Raises:
        UserError: n is above 5, where there are too many to enumerate.
    """
    if not 1 <= n <= LATIN_LIMIT:
        raise UserError(
            f"the law of {n} x {n} Latin squares would be enumerated, and the limit is n = {LATIN_LIMIT}; use the closed "
            "forms, which know the total correlation and the accuracy up to n = 9."
        )
    squares = fill(_rows(n) + _columns(n), n * n, n, {})
    return TableLaw(squares, alphabet=symbols or [str(i + 1) for i in range(n)])


def sudoku(puzzle: str) -> TableLaw:
    """All solutions of a Sudoku, uniform: its n x n cells row by row, symbols "1".."n"; 0 or . is an empty cell.

    Lines may be broken anywhere. The givens are positions like the others, and certain.

    Raises:
        UserError: the text is no grid of 4 x 4 or 9 x 9 cells, it has no solution, or too many to enumerate.
    """
    cells = "".join(puzzle.split()).replace(".", "0")
    n = math.isqrt(len(cells))
    if n not in (4, 9) or n * n != len(cells) or not set(cells) <= set("0123456789"[: n + 1]):
        raise UserError("a Sudoku is 4 x 4 or 9 x 9 digits with 0 for an empty cell; write for example 1004040300204300.")
    givens = {cell: int(digit) - 1 for cell, digit in enumerate(cells) if digit != "0"}
    grids = fill(_rows(n) + _columns(n) + _boxes(n), n * n, n, givens)
    if not len(grids):
        raise UserError("this Sudoku has no solution; check its givens.")
    return TableLaw(grids, alphabet=[str(i + 1) for i in range(n)])


def fill(units: Sequence[Sequence[int]], cells: int, symbols: int, givens: Mapping[int, int]) -> Ints:
    """Return every filling of the cells that repeats no symbol within a unit and keeps the givens: [S, cells].

    All partial fillings grow together, one cell at a time; next is the cell that leaves the fewest of them.

    Raises:
        UserError: more than a million partial fillings are alive at once, or more than `SUPPORT_LIMIT` remain.
    """
    peers = [sorted({other for unit in units if cell in unit for other in unit} - {cell}) for cell in range(cells)]
    grids = np.full((1, cells), -1, dtype=np.int8)
    open_symbols = np.full((1, cells), (1 << symbols) - 1, dtype=np.int32)
    for cell, symbol in givens.items():
        open_symbols[:, cell] = 1 << symbol
    left = set(range(cells))
    while left and len(grids):
        branching = np.bitwise_count(open_symbols).sum(axis=0, dtype=np.int64)
        cell = min(left, key=lambda c: (int(branching[c]), c))
        left.remove(cell)
        if branching[cell] > (_ALIVE_LIMIT if left else SUPPORT_LIMIT):
            raise UserError(f"this grid has more fillings than can be enumerated ({SUPPORT_LIMIT}); give more of its cells.")
        grids, open_symbols = _place(grids, open_symbols, cell, peers[cell], symbols)
    return grids.astype(np.int64)


def _place(grids: Small, open_symbols: Masks, cell: int, peers: list[int], symbols: int) -> tuple[Small, Masks]:
    """Write every open symbol into one cell, and close it for the cell's peers."""
    rows, symbol = np.nonzero(open_symbols[:, cell, None] >> np.arange(symbols) & 1)
    grids, open_symbols = grids[rows], open_symbols[rows]
    grids[:, cell] = symbol
    open_symbols[:, peers] &= ~(1 << symbol)[:, None]
    return grids, open_symbols


def _rows(n: int) -> list[list[int]]:
    return [[n * r + c for c in range(n)] for r in range(n)]


def _columns(n: int) -> list[list[int]]:
    return [[n * r + c for r in range(n)] for c in range(n)]


def _boxes(n: int) -> list[list[int]]:
    side = math.isqrt(n)
    corners = [(r, c) for r in range(0, n, side) for c in range(0, n, side)]
    return [[n * (r + i) + c + j for i in range(side) for j in range(side)] for r, c in corners]
