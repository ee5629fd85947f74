"""The best schedules against every schedule there is."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_oracles import STRUCTURED, all_partitions, tables

from parallelbench.errors import UserError
from parallelbench.theory import TableLaw, bound, bound_of_sizes, law, optimum
from parallelbench.theory.schedules import optimum_by_size, optimum_over_subsets


@settings(max_examples=25, deadline=None)
@given(table=tables(positions=(1, 4)))
def test_the_optimum_is_the_least_bound_of_all_partitions(table):
    best = optimum(table)
    for steps in range(1, table.positions + 1):
        least = min(bound(table, partition) for partition in all_partitions(table.positions, steps))
        assert best.bounds[steps - 1] == pytest.approx(least, abs=1e-9)
        assert len(best.schedule(steps)) == steps
        assert bound(table, best.schedule(steps)) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("name", ["shuffle", "shuffle_must_differ", "replace_random", "copy"])
def test_sizes_alone_are_enough_for_exchangeable_laws(name):
    answers = STRUCTURED[name]
    by_size, over_subsets = optimum(answers), optimum_over_subsets(answers.subset_entropies())
    np.testing.assert_allclose(by_size.bounds, over_subsets.bounds, atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(falls=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=24))
def test_halving_equals_the_plain_recursion(falls):
    """Any entropies whose differences fall; the recursion over all pairs (b, b')."""
    gains = np.sort(np.array(falls))[::-1]
    entropies = np.concatenate([[0.0], np.cumsum(gains)])
    n = len(gains)
    reach = np.arange(n + 1)[None, :] - np.arange(n)[:, None]
    step = np.where(reach > 0, reach * gains[:, None], np.inf)
    cost, plain = np.array([np.inf] * n + [0.0]), []
    for _ in range(n):
        cost = np.append((step + cost).min(axis=1), np.inf)
        plain.append(cost[0] - entropies[-1])
    best = optimum_by_size(entropies)
    np.testing.assert_allclose(best.bounds, np.maximum(plain, 0), atol=1e-9)
    for steps in range(1, n + 1):
        positions = [i for chosen in best.schedule(steps) for i in chosen]
        assert positions == list(range(n)) and len(best.schedule(steps)) == steps


def test_twelve_positions_over_all_partitions_are_quick():
    rng = np.random.default_rng(1)
    table = TableLaw(np.unique(rng.integers(0, 3, (400, 12)), axis=0))
    start = time.process_time()
    best = optimum(table)
    assert time.process_time() - start < 10
    assert bound(table, best.schedule(4)) == pytest.approx(best.bounds[3], abs=1e-9)
    assert best.bounds[3] < bound(table, [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11)])


def test_shuffle_of_a_thousand_for_every_number_of_steps_is_quick():
    answers = law("shuffle", 1000)
    start = time.process_time()
    best = optimum(answers)
    assert time.process_time() - start < 10
    sizes = [len(chosen) for chosen in best.schedule(500)]
    assert bound_of_sizes(answers, sizes) == pytest.approx(best.bounds[499], abs=1e-6)
    assert best.bounds[499] < bound_of_sizes(answers, [2] * 500)
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.slow
def test_a_latin_square_needs_six_steps_in_the_best_order():
    best = optimum(law("latin_square", 4))
    assert best.bounds[4] == pytest.approx(0.162, abs=1e-3) and best.bounds[5] == 0


def test_mistakes_are_one_sentence():
    with pytest.raises(UserError, match="limit is 16 positions; use a smaller n or an exchangeable law"):
        optimum(law("insert_random", 16))
    with pytest.raises(UserError, match="give 1 to 4"):
        optimum(law("shuffle", 4)).schedule(5)
