"""The comparison of drawn answers with a law: right on draws of the law itself, and sensitive to what is not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from parallelbench.theory import TableLaw, law
from parallelbench.theory.goodness import PAIRS, _Pairs, _pairs, expected_distinct, goodness_of_fit

LAWS = {
    "shuffle": law("shuffle", 4, must_differ=True),
    "replace": law("replace_random", 5),
    "latin": law("latin_square", 3),
    "shuffle of twelve": law("shuffle", 12),
    "insert of fourteen": law("insert_random", 14),
}


@pytest.mark.parametrize("name", LAWS)
def test_draws_of_the_law_itself_have_p_values_of_every_size(name: str) -> None:
    rng = np.random.default_rng(3)
    found = [goodness_of_fit(LAWS[name], LAWS[name].sample(rng, 60), 0, rng) for _ in range(24)]
    values = np.sort([one.p for one in found if one is not None])
    steps = np.arange(1, len(values) + 1) / len(values)
    distance = max(np.abs(values - steps).max(), np.abs(values - steps + 1 / len(values)).max())
    assert len(values) == 24 and distance < 0.39, "Kolmogorov and Smirnov's limit for 24 values at .1 %"


@pytest.mark.parametrize("name", LAWS)
def test_a_symbol_drawn_too_often_is_found(name: str) -> None:
    rng = np.random.default_rng(4)
    strings = LAWS[name].sample(rng, 3000)
    middle = LAWS[name].positions // 2
    kept = strings[(strings[:, middle] == strings[0, middle]) | (rng.uniform(size=len(strings)) < 0.5)]
    fit = goodness_of_fit(LAWS[name], kept, 0, rng)
    assert fit is not None and fit.p < 1e-6 and fit.total_variation > fit.total_variation_of_law


def test_values_by_hand_on_two_strings() -> None:
    coin = TableLaw([[0, 1], [1, 0]])
    strings = np.array([[0, 1]] * 30 + [[1, 0]] * 10)
    fit = goodness_of_fit(coin, strings, 10, np.random.default_rng(0))
    assert fit is not None and fit.compared == "strings" and fit.degrees == 1
    assert fit.total_variation == pytest.approx((abs(0.6 - 0.5) + abs(0.2 - 0.5) + 0.2) / 2)
    assert fit.chi_square == pytest.approx(10.0) and fit.p == pytest.approx(0.0015654, rel=1e-4)
    assert fit.total_variation_of_law == pytest.approx(np.sqrt(1 / (2 * np.pi * 40)), rel=0.2)


def test_the_table_of_pairs_is_the_enumerated_one() -> None:
    for name in ("shuffle", "replace", "latin"):
        strings, weights = LAWS[name].support()
        size = len(LAWS[name].alphabet)
        pairs = _Pairs(LAWS[name])
        table = np.zeros(len(pairs.column))
        table[pairs.column >= 0] = pairs.expected
        table = table.reshape(-1, size, size)
        for at, (i, j) in enumerate(itertools.combinations(range(LAWS[name].positions), 2)):
            direct = np.zeros((size, size))
            np.add.at(direct, (strings[:, i], strings[:, j]), weights)
            np.testing.assert_allclose(table[at], direct, atol=1e-12)


def test_nothing_is_compared_where_there_is_one_right_answer_or_none_was_drawn() -> None:
    rng = np.random.default_rng(0)
    assert goodness_of_fit(law("copy", 4), np.tile(np.arange(4), (50, 1)), 0, rng) is None
    assert goodness_of_fit(LAWS["replace"], np.empty((0, 5), dtype=np.int64), 50, rng) is None


def test_long_lists_are_compared_at_distances_of_powers_of_two() -> None:
    pairs = _pairs(50)
    assert len(pairs) < PAIRS < 50 * 49 / 2 and {j - i for i, j in pairs} == {1, 2, 4, 8, 16, 32}
    assert _pairs(1) == [(0, 0)] and len(_pairs(20)) == 190


def test_the_mean_number_of_different_answers() -> None:
    assert expected_distinct(law("copy", 3), 9) == 1.0
    assert expected_distinct(law("replace_random", 5), 2) == pytest.approx(1.8)
    assert expected_distinct(law("shuffle", 40), 1000) == pytest.approx(1000.0)
