"""Two puzzles (paper, section 5): a Latin square has many answers, a Sudoku exactly one."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from functools import cache
from itertools import permutations, product
from typing import ClassVar

from pydantic import Field

from parallelbench.schema import MASK_ITEM
from parallelbench.tasks.base import Question
from parallelbench.tasks.wordings import WordedTask

Grid = tuple[tuple[int, ...], ...]
SYMBOLS = string.ascii_uppercase + string.digits
LATIN_METRICS = ("latin_square", "latin_square_strict")
SUDOKU_METRICS = ("sudoku", "sudoku_strict")
SUDOKU_FRAME = "\n".join([MASK_ITEM * 4] * 4)


class LatinSquare(WordedTask):
    """Write any n x n square in which every row and every column holds each symbol once; the example is uniform over all."""

    preset_keys: ClassVar[frozenset[str]] = frozenset({"size"})
    texts: ClassVar[str] = "latin_square"

    size: int = Field(4, ge=3, le=5, description="rows and columns")
    max_new_tokens: int = Field(64, ge=1, description="length of the canvas in tokens")

    @property
    def name(self) -> str:
        return f"puzzle/latin_square_n{self.size}"

    @property
    def metrics(self) -> tuple[str, ...]:
        return LATIN_METRICS

    @property
    def law(self) -> str | None:
        return "latin_square"

    def question(self, rng: random.Random, index: int) -> Question:
        return ask_latin_square(rng, self.size, lambda symbols: self._ask(size=self.size, symbols=",".join(symbols)))


class Sudoku(WordedTask):
    """Complete a 4 x 4 Sudoku; `givens` cells are shown, the rest is 0, and the solution is unique."""

    version: ClassVar[int] = 2  # 2: a demonstration never has the question's solution
    preset_keys: ClassVar[frozenset[str]] = frozenset({"givens"})
    texts: ClassVar[str] = "sudoku"

    givens: int = Field(12, ge=4, le=12, description="cells that are shown")
    max_new_tokens: int = Field(64, ge=1, description="length of the canvas in tokens")

    @property
    def name(self) -> str:
        return f"puzzle/sudoku_n4_{self.givens}"

    @property
    def metrics(self) -> tuple[str, ...]:
        return SUDOKU_METRICS

    @property
    def law(self) -> str | None:
        return "deterministic"

    def question(self, rng: random.Random, index: int) -> Question:
        return ask_sudoku(rng, self.givens, lambda puzzle: self._ask(sudoku=puzzle))


def ask_latin_square(rng: random.Random, size: int, wording: Callable[[list[str]], str]) -> Question:
    """Draw symbols and an example, and put the question in words; `wording` is given the symbols."""
    symbols, square = draw_latin_square(rng, size)
    return Question(wording(symbols), square, {"symbols": symbols}, latin_frame(size))


def ask_sudoku(rng: random.Random, givens: int, wording: Callable[[str], str]) -> Question:
    """Draw a puzzle with one solution, and put the question in words; `wording` is given the puzzle's four lines."""
    solution, puzzle = (write_grid(grid) for grid in draw_sudoku(rng, givens))
    return Question(wording(puzzle), solution, {"puzzle": puzzle, "solution": solution}, SUDOKU_FRAME)


def latin_frame(size: int) -> str:
    """Return the answer format of a square with `size` rows, with the mask item in the place of each symbol."""
    return "\n".join(",".join([MASK_ITEM] * size) for _ in range(size))


@cache
def reduced_squares(size: int) -> tuple[Grid, ...]:
    """Every Latin square of 0..n-1 with the first row and first column in order: 1, 4 and 56 of sizes 3, 4 and 5."""
    squares: list[Grid] = [(tuple(range(size)),)]
    for first in range(1, size):
        rows = [row for row in permutations(range(size)) if row[0] == first]
        squares = [(*above, row) for above in squares for row in rows if _below(above, row)]
    return tuple(squares)


def _below(above: Grid, row: tuple[int, ...]) -> bool:
    return all(upper[column] != symbol for upper in above for column, symbol in enumerate(row))


def draw_latin_square(rng: random.Random, size: int) -> tuple[list[str], str]:
    """Draw symbols and a square that is uniform over all Latin squares of this size (12, 576 and 161,280 of 3, 4 and 5).

    Each square is one reduced square with its columns in some order and its rows but the first in some order, in exactly
    one way: n! (n-1)! squares for every reduced one.
    """
    symbols = rng.sample(SYMBOLS, size)
    square = rng.choice(reduced_squares(size))
    columns, rows = rng.sample(range(size), size), [0, *rng.sample(range(1, size), size - 1)]
    return symbols, "\n".join(",".join(symbols[square[r][c]] for c in columns) for r in rows)


def write_grid(grid: Grid) -> str:
    """Four lines of four digits."""
    return "\n".join("".join(map(str, row)) for row in grid)


@cache
def sudoku_grids() -> tuple[Grid, ...]:
    """All 288 completed 4 x 4 Sudokus, in lexicographic order."""
    # Two rows whose boxes are right, twice: 9,216 candidates instead of 331,776, which took seconds in each process.
    rows = list(permutations((1, 2, 3, 4)))
    bands = [
        band for band in product(rows, repeat=2) if all(len({*band[0][c : c + 2], *band[1][c : c + 2]}) == 4 for c in (0, 2))
    ]
    return tuple((*upper, *lower) for upper, lower in product(bands, repeat=2) if _columns_differ(upper, lower))


def _columns_differ(upper: Grid, lower: Grid) -> bool:
    return all(len({*column}) == 4 for column in zip(*upper, *lower, strict=True))


def solutions(puzzle: Grid) -> list[Grid]:
    """Every completed grid that agrees with the shown cells; a puzzle has a unique solution if there is exactly one."""
    shown = _bits(puzzle)
    return [grid for grid, bits in _grids_with_bits() if bits & shown == shown]


@cache
def _grids_with_bits() -> tuple[tuple[Grid, int], ...]:
    return tuple((grid, _bits(grid)) for grid in sudoku_grids())


def _bits(grid: Grid) -> int:
    """A number with one bit for each cell and digit, set for the digits that are written; an empty cell has 0."""
    return sum(16 ** (4 * r + c) << value - 1 for r, row in enumerate(grid) for c, value in enumerate(row) if value)


def draw_sudoku(rng: random.Random, givens: int) -> tuple[Grid, Grid]:
    """Draw a solution and a puzzle that only this solution completes."""
    while True:
        solution = rng.choice(sudoku_grids())
        shown = set(rng.sample(range(16), givens))
        puzzle = tuple(tuple(solution[r][c] if 4 * r + c in shown else 0 for c in range(4)) for r in range(4))
        if len(solutions(puzzle)) == 1:
            return solution, puzzle
