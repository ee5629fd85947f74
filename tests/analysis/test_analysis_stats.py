"""Intervals and tests against values from their papers, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelbench.analysis import stats


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombes_published_examples(successes: int, n: int, low: float, high: float) -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, Table I, method 3
    assert stats.wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_mean_and_stays_in_range(case: tuple[int, int]) -> None:
    low, high = stats.wilson(*case)
    assert 0 <= low <= case[0] / case[1] <= high <= 1
    assert low < high


def test_wilson_of_nothing_knows_nothing() -> None:
    assert stats.wilson(0, 0) == (0.0, 1.0)


def test_mcnemar_is_the_exact_binomial_test() -> None:
    a = [1] * 9 + [0] * 1 + [1] * 20
    b = [0] * 9 + [1] * 1 + [1] * 20
    assert stats.mcnemar(a, b) == pytest.approx(2 * (1 + 10) / 2**10)
    assert stats.mcnemar([1, 0, 1], [1, 0, 1]) == 1.0


def test_bootstrap_agrees_with_the_normal_interval_of_a_large_sample() -> None:
    values = np.random.default_rng(7).beta(2, 5, size=4000)
    low, high = stats.bootstrap(values)
    half = stats.Z95 * values.std() / math.sqrt(values.size)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=5e-4)
    assert stats.bootstrap(values) == (low, high)


def test_interval_chooses_by_the_kind_of_score() -> None:
    assert stats.interval([0, 1, 1, 1]) == stats.wilson(3, 4)
    assert stats.interval([0.5, 0.5]) == stats.wilson(1.0, 2)  # two equal scores say little


def test_paired_interval_covers_the_true_difference() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        common = rng.random(60)
        a, b = common < 0.8, (common + 0.1 * rng.random(60)) < 0.7
        difference = stats.paired(a, b)
        truth = 0.8 - 0.65
        hits += difference.low <= truth <= difference.high
    assert 0.91 <= hits / 400 <= 0.995


def test_equal_scores_differ_by_nothing_but_not_with_certainty() -> None:
    mean, low, high, p = stats.paired([1] * 25, [1] * 25)
    assert (mean, p) == (0.0, 1.0)
    assert low == pytest.approx(-stats.wilson(25, 25).high + stats.wilson(25, 25).low)
    assert high == -low


def test_paired_scores_need_the_same_samples() -> None:
    with pytest.raises(ValueError, match="same samples, not 2 and 1"):
        stats.paired([1, 0], [1])


def test_fractions_are_compared_by_the_bootstrap() -> None:
    difference = stats.paired([0.9, 0.8, 0.7], [0.4, 0.3, 0.2])
    assert difference.mean == pytest.approx(0.5)
    assert (difference.low, difference.high) == pytest.approx((0.5, 0.5))
    assert math.isnan(difference.p)


def test_mean_over_tasks_is_known_better_than_one_task() -> None:
    one = stats.wilson(16, 20)
    variance = 0.8 * 0.2 * 20 / 19
    assert stats.mean_interval([0.8], [20], [variance]) == pytest.approx(one)
    assert stats.mean_interval([0.8] * 4, [20] * 4, [variance] * 4) == pytest.approx(stats.wilson(64, 80))
    assert stats.mean_interval([1.0] * 4, [20] * 4, [0.0] * 4) == stats.wilson(80, 80)
    assert stats.mean_interval([1.0, 0.0], [1, 1], [math.nan] * 2) == stats.wilson(1, 2)
    apart, alike = (stats.mean_interval(m, [20] * 2, v) for m, v in (([1.0, 0.0], [0.0] * 2), ([0.5] * 2, [5 / 19] * 2)))
    assert apart.high - apart.low < 0.6 * (alike.high - alike.low), "tasks that never vary say nothing of chance"
