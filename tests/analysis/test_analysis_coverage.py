"""Intervals of a mean over tasks hold the truth 95 times in a hundred, by simulation; comparisons are corrected for number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from parallelbench.analysis import stats

SAMPLES = (12, 25, 100)
ALIKE = {"p = .5": [0.5] * 12, "p = .9": [0.9] * 12, "p = .99": [0.99] * 12}
MIXED = {
    "half at .8": [1.0] * 6 + [0.8] * 6,
    "three at .5": [1.0] * 9 + [0.5] * 3,
    "two hard": [0.99] * 10 + [0.1, 0.5],
    "all over": list(np.linspace(0.05, 0.95, 12)),
}


def covered(chances: list[float], n: int, repeats: int, seed: int = 0) -> float:
    """How often the interval of the mean over tasks of n samples each holds the true mean."""
    right = np.random.default_rng(seed).binomial(n, chances, size=(repeats, len(chances)))
    means = right / n
    variances = means * (1 - means) * n / (n - 1)
    inside = 0
    for mean, variance in zip(means, variances, strict=True):
        low, high = stats.mean_interval(mean, [n] * len(chances), variance)
        inside += low <= np.mean(chances) <= high
    return inside / repeats


@pytest.mark.parametrize("n", SAMPLES)
@pytest.mark.parametrize("chances", ALIKE)
def test_the_interval_of_a_mean_over_tasks_covers_the_truth(chances: str, n: int) -> None:
    assert 0.93 <= covered(ALIKE[chances], n, 4000) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("n", SAMPLES)
@pytest.mark.parametrize("chances", {**ALIKE, **MIXED})
def test_the_interval_covers_the_truth_where_tasks_differ_too(chances: str, n: int) -> None:
    """With few samples it errs on the wide side where a few tasks hold all the errors."""
    upper = 0.97 if chances in ALIKE else 0.99 if n < 100 else 0.975
    assert 0.93 <= covered({**ALIKE, **MIXED}[chances], n, 40_000, seed=1) <= upper


def errors(correct: Callable[[np.ndarray], np.ndarray]) -> float:
    """How often at least one of 20 true null hypotheses is rejected at 5 %."""
    p = np.random.default_rng(0).random((4000, 20))
    return float(np.mean([(correct(row) < 0.05).any() for row in p]))


def test_holm_keeps_the_chance_of_any_false_finding() -> None:
    assert errors(lambda row: row) > 0.5 and errors(stats.holm) < 0.06


def test_holm_is_its_definition() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0]) and stats.holm([]).size == 0
