"""Whether a Latin square or a Sudoku is correct (paper, section 5), leniently and strictly about format."""

from __future__ import annotations

from collections.abc import Callable

from parallelbench.metrics.base import Metric
from parallelbench.schema import Sample

Rows = list[list[str]]
LATIN_SQUARES = {3: 12, 4: 576, 5: 161_280}  # how many there are of each size (OEIS A002860)


def _latin_rows(sample: Sample, text: str) -> Rows:
    """Return the first n lines that are permutations of the n symbols; other lines are ignored."""
    symbols: list[str] = sorted(sample.facts["symbols"])
    rows: Rows = []
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == len(symbols) and sorted(cells) == symbols:
            rows.append(cells)
            if len(rows) == len(symbols):
                break
    return rows


def _latin_rows_strict(sample: Sample, text: str) -> Rows:
    """Return the n lines where every one is a permutation of the n symbols; an empty list otherwise."""
    symbols: list[str] = sorted(sample.facts["symbols"])
    rows = [line.split(",") for line in text.strip().split("\n")]
    return rows if all(len(row) == len(symbols) and sorted(row) == symbols for row in rows) else []


def _latin(parse: Callable[[Sample, str], Rows]) -> Callable[[Sample, str], float]:
    def function(sample: Sample, text: str) -> float:
        symbols = set(sample.facts["symbols"])
        rows = parse(sample, text)
        return float(len(rows) == len(symbols) and all(set(column) == symbols for column in zip(*rows, strict=True)))

    return function


def _latin_chance(sample: Sample) -> float:
    size = len(sample.facts["symbols"])
    return LATIN_SQUARES[size] / float(size ** (size * size))


def _sudoku(sample: Sample, text: str) -> float:
    digits = ("".join(char for char in line if char in "0123456789") for line in text.split("\n"))
    return float([row for row in digits if len(row) == 4] == sample.facts["solution"].split("\n"))


def _sudoku_strict(sample: Sample, text: str) -> float:
    return float(text.strip() == sample.facts["solution"])


def _sudoku_chance(sample: Sample) -> float:
    blanks: int = sample.facts["puzzle"].count("0")
    return 0.25**blanks


LATIN_SQUARE = Metric("latin_square", _latin(_latin_rows), _latin_chance)
LATIN_SQUARE_STRICT = Metric("latin_square_strict", _latin(_latin_rows_strict), _latin_chance)
SUDOKU = Metric("sudoku", _sudoku, _sudoku_chance)
SUDOKU_STRICT = Metric("sudoku_strict", _sudoku_strict, _sudoku_chance)
