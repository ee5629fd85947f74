"""Total correlation, bounds and payments: the paper's table, definitions by enumeration, and traces."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_oracles import STRUCTURED, expected_bound, partitions, tables, written_out

from parallelbench.errors import UserError
from parallelbench.theory import (
    bound,
    bound_of_sizes,
    law,
    left_to_right,
    limit_of_total_correlation,
    mean_entropies,
    paid,
    partition_accuracy,
    sizes_of,
    total_correlation,
    total_correlation_of,
)
from parallelbench.theory.correlation import latin_squares, replace_random_bound, shuffle_bound
from parallelbench.theory.puzzles import fill

PAPER_TABLE = {  # n: Shuffle, Replace Random (paper, Table 1), Remove Random, Insert Random
    3: (2.170, 1.170, 0.252, 2.623),
    4: (3.415, 1.245, 0.623, 3.386),
    5: (4.703, 1.288, 1.064, 4.137),
    6: (6.018, 1.315, 1.552, 4.880),
    10: (11.428, 1.368, 3.764, 7.817),
    15: (18.353, 1.393, 6.822, 11.455),
    20: (25.361, 1.406, 10.033, 15.079),
}
COLUMNS = ("shuffle", "replace_random", "remove_random", "insert_random")


@pytest.mark.parametrize("n", PAPER_TABLE)
def test_the_table_of_total_correlations(n):
    values = tuple(round(total_correlation_of(task, n), 3) for task in COLUMNS)
    assert values == PAPER_TABLE[n]
    by_entropies = tuple(total_correlation(law(task, n)) for task in COLUMNS)
    assert by_entropies == pytest.approx([total_correlation_of(task, n) for task in COLUMNS], abs=1e-9)


@pytest.mark.parametrize("task", COLUMNS)
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_formulas_equal_enumeration(task, n):
    assert total_correlation(written_out(law(task, n))) == pytest.approx(total_correlation_of(task, n), abs=1e-10)


def test_must_differ_and_latin_square():
    assert [round(total_correlation_of("shuffle", n, must_differ=True), 3) for n in (3, 4, 5, 6)] == [
        2.244,
        3.460,
        4.714,
        6.020,
    ]
    for n in (3, 4, 5):
        table = written_out(law("shuffle", n, must_differ=True))
        assert total_correlation(table) == pytest.approx(total_correlation_of("shuffle", n, must_differ=True), abs=1e-10)
    assert total_correlation_of("latin_square", 4) == pytest.approx(32 - math.log2(576))
    assert total_correlation(law("latin_square", 4)) == pytest.approx(22.83, abs=5e-3)
    assert all(
        total_correlation_of(task, 7) == 0 == total_correlation(law(task, 7)) for task in ("copy", "sort", "remove_index")
    )
    assert total_correlation_of("sudoku", 4) is None


def test_latin_square_counts_equal_enumeration():
    reduced = {cell: cell for cell in range(6)} | {6 * row: row for row in range(6)}
    units = [[6 * r + c for c in range(6)] for r in range(6)] + [[6 * r + c for r in range(6)] for c in range(6)]
    assert latin_squares(6) == math.factorial(6) * math.factorial(5) * len(fill(units, 36, 6, reduced))
    assert [latin_squares(n) for n in (1, 2, 3, 4, 5)] == [1, 2, 12, 576, 161_280]


def test_limits():
    assert total_correlation_of("replace_random", 10**6) == pytest.approx(
        limit_of_total_correlation("replace_random"), abs=1e-5
    )
    assert limit_of_total_correlation("copy") == 0 and limit_of_total_correlation("shuffle") == math.inf
    for task in ("insert_random", "remove_random"):
        growth = (total_correlation_of(task, 2000) - total_correlation_of(task, 1000)) / 1000
        assert growth == pytest.approx(1 / (2 * math.log(2)), abs=2e-3)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), table=tables())
def test_the_bound_is_the_expected_conditional_total_correlation(data, table):
    partition = data.draw(partitions(table.positions))
    assert bound(table, partition) == pytest.approx(expected_bound(table, partition), abs=1e-9)


@pytest.mark.parametrize("sizes", [(6,), (1,) * 6, (2, 2, 2), (1, 3, 2), (3, 2, 1)])
def test_bounds_of_sizes_in_closed_form(sizes):
    assert bound_of_sizes(law("shuffle", 6), sizes) == pytest.approx(shuffle_bound(6, sizes), abs=1e-10)
    assert bound_of_sizes(law("replace_random", 6), sizes) == pytest.approx(replace_random_bound(6, sizes), abs=1e-10)
    assert bound(law("shuffle", 6), left_to_right(sizes)) == pytest.approx(shuffle_bound(6, sizes), abs=1e-10)


def test_two_at_a_time_has_the_double_factorial_form():
    odd, even = math.prod(range(1, 20, 2)), math.prod(range(2, 21, 2))
    assert shuffle_bound(20, [2] * 10) == pytest.approx(math.log2(even / odd))
    assert bound_of_sizes(law("shuffle", 1000), [2] * 500) > bound_of_sizes(law("shuffle", 100), [2] * 50) > 3.6


@pytest.mark.parametrize("name", ["insert_random", "remove_random", "shuffle_must_differ"])
def test_random_order_is_the_mean_over_all_orders(name):
    answers, sizes = STRUCTURED[name], sizes_of(4, sizes=(2, 1, 1))
    cuts = [(order[:2], order[2:3], order[3:]) for order in permutations(range(4))]
    mean = np.mean([bound(answers, cut) for cut in cuts])
    assert bound_of_sizes(answers, sizes, order="random") == pytest.approx(mean, abs=1e-10)
    assert bound_of_sizes(answers, sizes) == pytest.approx(bound(answers, ((0, 1), (2,), (3,))), abs=1e-10)


def test_mean_entropies_of_an_exchangeable_law_are_its_prefix_entropies():
    answers = law("shuffle", 4)
    np.testing.assert_allclose(mean_entropies(answers), mean_entropies(written_out(answers)), atol=1e-10)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), table=tables())
def test_what_traces_pay_averages_to_the_bound(data, table):
    partition = data.draw(partitions(table.positions))
    strings, weights = table.support()
    mean = sum(w * paid(table, partition, string).total for string, w in zip(strings, weights, strict=True))
    assert mean == pytest.approx(bound(table, partition), abs=1e-9)


def test_a_broken_trace_stops_paying_where_it_broke():
    answers = law("shuffle", 4)
    good = paid(answers, [(0, 1), (2, 3)], [2, 0, 1, 3])
    assert good.broken is None and good.total == pytest.approx(shuffle_bound(4, (2, 2)))
    bad = paid(answers, [(0,), (1, 2), (3,)], [2, 0, 0, 3])
    assert bad.broken == 1 and len(bad.steps) == 2 and bad.steps[0] == 0
    assert paid(answers, [(0, 1, 2, 3)], [0, 1, 2, 3], unit="nats").total == pytest.approx(3.415 * math.log(2), abs=1e-3)


@pytest.mark.parametrize("sizes", [(5,), (2, 2, 1), (1, 4), (1,) * 5])
def test_uniform_shuffle_pays_its_bound_in_accuracy(sizes):
    answers = law("shuffle", 5)
    assert partition_accuracy(answers, left_to_right(sizes)) == pytest.approx(2 ** -bound_of_sizes(answers, sizes))


def test_one_step_replace_random_pays_its_total_correlation_in_accuracy():
    answers = law("replace_random", 3)
    assert partition_accuracy(answers, [(0, 1, 2)]) == pytest.approx(4 / 9) == pytest.approx(2 ** -total_correlation(answers))


def test_schedules_in_three_ways():
    assert sizes_of(7, k=3) == (3, 3, 1) and sizes_of(7, steps=3) == (3, 2, 2) and sizes_of(4, sizes=[1, 3]) == (1, 3)
    assert left_to_right((2, 1)) == ((0, 1), (2,))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sizes_of(10, sizes=(2, 2, 4)), "sums to 8, not to 10"),
        (lambda: sizes_of(10, k=0), "k of 1 or more"),
        (lambda: sizes_of(10, steps=11), "give 1 to 10"),
        (lambda: sizes_of(10), "exactly one"),
        (lambda: bound(law("shuffle", 3), [(0, 1), (1, 2)]), "no partition"),
        (lambda: bound(law("shuffle", 2), [(0, 1), ()]), "no set empty"),
        (lambda: shuffle_bound(4, (2, 1)), "sums to 3, not to 4"),
        (lambda: total_correlation_of("shufle", 4), "did you mean"),
        (lambda: total_correlation_of("shuffle", 0), "n of 1 or more"),
        (lambda: latin_squares(10), "from 1 to 9"),
        (lambda: partition_accuracy(law("shuffle", 3), [(0, 1, 2)], temperature=0.5), "knows 0 and 1"),
    ],
)
def test_mistakes_are_one_sentence(make, message):
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value) and str(caught.value)[-1] in ".?"
