"""The draws behind the puzzles and lists: uniform Latin squares, unique Sudokus, words that can be told apart."""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations, product

import pytest

from parallelbench.tasks import TASKS, load_task
from parallelbench.tasks.lists import names, nouns
from parallelbench.tasks.puzzles import draw_latin_square, draw_sudoku, reduced_squares, solutions, sudoku_grids


def squares(size: int) -> set[tuple[tuple[int, ...], ...]]:
    """Every Latin square of 0..n-1, by brute force."""
    rows = list(permutations(range(size)))
    return {grid for grid in product(rows, repeat=size) if all(len(set(column)) == size for column in zip(*grid, strict=True))}


@pytest.mark.parametrize(("size", "count"), [(3, 12), (4, 576)])
def test_a_latin_square_is_drawn_uniformly_from_all_of_its_size(size: int, count: int) -> None:
    every = squares(size)
    assert len(every) == count
    rng, seen = random.Random(0), Counter[tuple[tuple[int, ...], ...]]()
    draws = 40 * count
    for _ in range(draws):
        symbols, text = draw_latin_square(rng, size)
        seen[tuple(tuple(symbols.index(cell) for cell in line.split(",")) for line in text.split("\n"))] += 1
    assert set(seen) == every
    chi2 = sum((seen[square] - 40) ** 2 / 40 for square in every)
    assert abs(chi2 - (count - 1)) < 4 * (2 * (count - 1)) ** 0.5  # mean and deviation of chi-square


def test_reduced_squares_of_size_five() -> None:
    assert [len(reduced_squares(n)) for n in (3, 4, 5)] == [1, 4, 56]
    assert 56 * 120 * 24 == 161_280


@pytest.mark.parametrize("givens", range(4, 13))
def test_a_sudoku_has_exactly_one_solution(givens: int) -> None:
    rng = random.Random(givens)
    for _ in range(5):
        solution, puzzle = draw_sudoku(rng, givens)
        assert solutions(puzzle) == [solution]
        assert sum(cell > 0 for row in puzzle for cell in row) == givens
        assert all(shown in (0, cell) for a, b in zip(puzzle, solution, strict=True) for shown, cell in zip(a, b, strict=True))


def test_there_are_288_sudoku_grids() -> None:
    assert len(sudoku_grids()) == len(set(sudoku_grids())) == 288


def test_word_lists_are_distinct_plain_words() -> None:
    first, last = names()
    for words in (first, last, nouns()):
        assert len(set(words)) == len(words)
        assert all(word.isalpha() and word.isascii() for word in words)
    assert len(nouns()) >= 200
    assert not set(first) & set(last)


@pytest.mark.parametrize("name", [name for name in TASKS.names() if name.startswith("waiting_line/")])
def test_no_two_people_share_a_name(name: str) -> None:
    for index in range(8):
        facts = load_task(name).sample(1, index).facts
        people = [*facts["items"], *([facts["word"]] if "word" in facts else [])]
        for half in zip(*(person.split() for person in people), strict=True):
            assert len(set(half)) == len(people)


def test_shuffle_never_answers_with_the_given_order() -> None:
    task = load_task("list_ops/shuffle:lengths=[2]")
    assert all(s.facts["expected"] == s.facts["items"][::-1] for s in (task.sample(0, i) for i in range(20)))
