"""Closed-form accuracies against plain simulation, exact enumeration and the paper's own numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from theory_oracles import decode

from parallelbench.errors import UserError
from parallelbench.theory import (
    Setting,
    accuracy_of,
    law,
    left_to_right,
    limit_of_accuracy,
    partition_accuracy,
    total_correlation_of,
)

DECODES = 3000
TOP_K = [Setting(d, k=k, temperature=t) for d in ("random", "confidence") for k in (2, 3) for t in (0.0, 1.0)]
OTHERS = [
    *(Setting("threshold", gamma=g, temperature=t) for g in (0.0, 0.15, 0.4, 0.7, 0.9, 1.0) for t in (0.0, 1.0)),
    *(Setting("factor", f=f, temperature=t) for f in (0.7, 1.5, 3.0) for t in (0.0, 1.0)),
    *(Setting(d, k=2, temperature=1.0) for d in ("margin", "entropy", "left_to_right")),
    *(Setting(d, temperature=t) for d in ("one_by_one", "all_at_once") for t in (0.0, 1.0)),
    Setting("confidence", steps=2, temperature=1.0),
    Setting("random", sizes=(1, 3, 1), temperature=1.0),
]
CASES = [(task, n, s) for s in TOP_K + OTHERS for task, n in (("shuffle", 5), ("replace_random", 5))]
CASES += [(task, n, s) for task, n in (("shuffle", 8), ("replace_random", 8)) for s in TOP_K]
CASES += [("insert_random", n, Setting("all_at_once", temperature=t)) for n in (1, 2, 3, 4) for t in (0.0, 1.0)]
CASES += [("remove_random", 5, s) for s in TOP_K + OTHERS if s.temperature == 0.0 and s.sizes is None]
CASES += [("remove_random", 5, Setting("all_at_once", temperature=1.0)), ("latin_square", 2, Setting("all_at_once"))]


def interval(p, count):
    """Half of an interval that one true cell in 100,000 leaves."""
    return 4.5 * math.sqrt(max(p * (1 - p), 1e-12) / count) + 1e-12


@pytest.mark.parametrize(("task", "n", "setting"), CASES)
def test_simulation_agrees(task, n, setting):
    expected = accuracy_of(task, n, setting)
    measured = decode(law(task, n), setting, np.random.default_rng(5), DECODES)
    assert measured == pytest.approx(expected, abs=interval(expected, DECODES))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_simulation_agrees_for_must_differ(n, temperature):
    setting = Setting("all_at_once", temperature=temperature)
    expected = accuracy_of("shuffle", n, setting, must_differ=True)
    measured = decode(law("shuffle", n, must_differ=True), setting, np.random.default_rng(6), DECODES)
    assert measured == pytest.approx(expected, abs=interval(expected, DECODES))
    exact = partition_accuracy(law("shuffle", n, must_differ=True), [range(n)], temperature)
    assert exact == pytest.approx(expected)


@pytest.mark.parametrize("task", ["shuffle", "replace_random", "insert_random", "remove_random", "latin_square"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_one_step_equals_the_sum_over_right_answers(task, temperature):
    for n in (2, 3, 4):
        answers = law(task, n)
        exact = partition_accuracy(answers, [range(answers.positions)], temperature)
        assert exact == pytest.approx(accuracy_of(task, n, Setting("all_at_once", temperature=temperature)))


@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 3), (1, 2, 3), (4, 2), (5, 1)])
@pytest.mark.parametrize("task", ["shuffle", "replace_random"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_schedules_equal_the_sum_over_right_answers(task, sizes, temperature):
    exact = partition_accuracy(law(task, 6), left_to_right(sizes), temperature)
    closed = accuracy_of(task, 6, Setting("left_to_right", sizes=sizes, temperature=temperature))
    assert exact == pytest.approx(closed)


def test_the_numbers_of_the_paper():
    two = {n: accuracy_of("shuffle", n, Setting(k=2)) for n in (6, 8, 10, 12, 14, 15, 16, 20)}
    assert {n: round(p, 4) for n, p in two.items()} == {
        6: 0.3125, 8: 0.2734, 10: 0.2461, 12: 0.2256, 14: 0.2095, 15: 0.3183, 16: 0.1964, 20: 0.1762,
    }  # fmt: skip
    assert two[10] == pytest.approx(math.prod(range(1, 10, 2)) / math.prod(range(2, 11, 2)))
    assert accuracy_of("shuffle", 3, Setting("all_at_once")) == pytest.approx(2 / 9)
    assert accuracy_of("shuffle", 10, Setting(k=10)) == pytest.approx(0.00036288)
    recursion = [accuracy_of("replace_random", n, Setting("random", k=2, temperature=1.0)) for n in (6, 8, 10, 12, 14, 16)]
    assert [round(p, 3) for p in recursion] == [0.734, 0.780, 0.812, 0.835, 0.853, 0.867]
    assert accuracy_of("replace_random", 3, Setting("all_at_once", temperature=1.0)) == pytest.approx(4 / 9)
    greedy = [accuracy_of("replace_random", 12, Setting(k=k)) for k in (1, 2, 3, 12)]
    assert greedy == [1, 0.5, 0, 0]
    assert [accuracy_of("replace_random", 10, Setting("threshold", gamma=g)) for g in (0.5, 0.9, 0.91)] == [0, 0, 1]
    assert accuracy_of("latin_square", 4, Setting("all_at_once")) == pytest.approx(1.34e-7, rel=1e-2)


def test_ranking_by_the_drawn_token_is_worse_than_a_random_order():
    """At temperature 1 the new item, improbable when it is drawn, is put off until it must collide."""
    for n in (6, 10, 16):
        ranked, random = (accuracy_of("replace_random", n, Setting(d, k=2, temperature=1.0)) for d in ("confidence", "random"))
        assert ranked < 0.53 < 0.73 < random


@pytest.mark.parametrize(
    "task", ["copy", "shuffle", "replace_random", "insert_random", "remove_random", "latin_square", "sudoku"]
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_one_token_per_step_is_always_right(task, temperature):
    for setting in (Setting("one_by_one", temperature=temperature), Setting("threshold", gamma=1.0, temperature=temperature)):
        assert accuracy_of(task, 4, setting) == pytest.approx(1.0)
        answers = law(task, 4)
        assert decode(answers, setting, np.random.default_rng(0), 200) == 1.0


def test_one_step_of_a_uniform_task_costs_its_total_correlation():
    for n in (3, 7, 12):
        for task in ("shuffle", "replace_random"):
            at_once = accuracy_of(task, n, Setting("all_at_once", temperature=1.0))
            assert at_once == pytest.approx(2 ** -total_correlation_of(task, n))


@pytest.mark.parametrize(
    ("task", "setting"),
    [
        ("shuffle", Setting("threshold", gamma=0.3)),
        ("shuffle", Setting("threshold", gamma=1 / 49)),
        ("replace_random", Setting("all_at_once", temperature=1.0)),
        ("replace_random", Setting("random", k=2, temperature=1.0)),
        ("replace_random", Setting("threshold", gamma=0.7, temperature=1.0)),
        ("replace_random", Setting("threshold", gamma=0.9)),
        ("copy", Setting("all_at_once")),
        ("remove_random", Setting("random", k=3)),
    ],
)
def test_limits_are_approached(task, setting):
    limit = limit_of_accuracy(task, setting)
    near, far = (abs(accuracy_of(task, n, setting) - limit) for n in (50, 800))
    assert far <= near and far < 0.02


def test_limits_of_the_paper():
    assert limit_of_accuracy("shuffle", Setting(k=2)) == 0 and limit_of_accuracy("shuffle", Setting(k=1)) == 1
    assert limit_of_accuracy("replace_random", Setting("all_at_once", temperature=1.0)) == pytest.approx(1 / math.e)
    assert limit_of_accuracy("replace_random", Setting("all_at_once")) == 0
    assert limit_of_accuracy("replace_random", Setting(k=2)) is None


def test_none_where_there_is_no_formula():
    assert accuracy_of("insert_random", 5, Setting(k=2)) is None
    assert accuracy_of("shuffle", 5, Setting(k=2), must_differ=True) is None
    assert accuracy_of("shuffle", 5, Setting("wino")) is None
    assert accuracy_of("replace_random", 5, Setting(k=2, temperature=0.5)) is None
    assert accuracy_of("shuffle", 5, Setting(k=2, temperature=0.5)) == accuracy_of("shuffle", 5, Setting(k=2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Setting("threshold", gamma=1.2), r"gamma is 1.2, but a threshold of confidence lies in \[0, 1\]"),
        (lambda: Setting("threshold"), "gamma is None"),
        (lambda: Setting("factor", f=0.0), "positive number"),
        (lambda: Setting(temperature=-1.0), "cannot be negative"),
        (lambda: accuracy_of("shuffle", 5, Setting(sizes=(2, 2))), "sums to 4, not to 5"),
        (lambda: accuracy_of("shuffle", 5, Setting(k=2, steps=2)), "exactly one"),
        (lambda: accuracy_of("shufle", 5, Setting()), "did you mean 'shuffle'"),
        (lambda: accuracy_of("remove_random", 1, Setting()), "n of 2 or more"),
        (lambda: accuracy_of("shuffle", 1, Setting("all_at_once"), must_differ=True), "n of 2 or more"),
    ],
)
def test_mistakes_are_one_sentence(make, message):
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value) and str(caught.value)[-1] in ".?"
