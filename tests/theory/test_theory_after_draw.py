"""The best sampler that chooses after the draw: brute force on small laws, formulas on large ones, and the policy replayed."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from theory_oracles import tables

from parallelbench.errors import UserError
from parallelbench.theory import best_after_draw, best_policy, law, mean_forwards, place_after_draw, shuffle_after_draw
from parallelbench.theory.collision import distinct_drawn

TEMPERATURES = (0.0, 1.0)


def by_hand(table, forwards, temperature):
    """V_T by its definition: every draw, every set of positions, Bayes by hand."""
    strings, weights = table.support()
    rows = [tuple(row) for row in strings.tolist()]

    @lru_cache(None)
    def value(context, left):
        agree = [(row, weight) for row, weight in zip(rows, weights, strict=True)
                 if all(a < 0 or a == b for a, b in zip(context, row, strict=True))]  # fmt: skip
        places = [i for i, symbol in enumerate(context) if symbol < 0]
        if not agree or not (places and left):
            return float(bool(agree) and not places)
        odds = []
        for i in places:
            mass = {}
            for row, weight in agree:
                mass[row[i]] = mass.get(row[i], 0.0) + weight
            if temperature == 0:
                top = max(mass.values())
                mass = {symbol: 1.0 for symbol, m in mass.items() if m > top - 1e-12}
            odds.append({symbol: m / sum(mass.values()) for symbol, m in mass.items()})
        total = 0.0
        for drawn in itertools.product(*odds):
            chance = math.prod(one[symbol] for one, symbol in zip(odds, drawn, strict=True))
            after = []
            for size in range(1, len(places) + 1):
                for kept in itertools.combinations(range(len(places)), size):
                    row = list(context)
                    for k in kept:
                        row[places[k]] = drawn[k]
                    after.append(value(tuple(row), left - 1))
            total += chance * max(after)
        return total

    return value((-1,) * table.positions, forwards)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_the_value_is_the_definition_over_every_draw_and_every_set(temperature, table):
    found = best_after_draw(table, temperature).accuracies
    assert found == pytest.approx([by_hand(table, t, temperature) for t in range(1, table.positions + 1)], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_choosing_later_never_hurts_and_neither_does_another_forward(table):
    after, before = best_after_draw(table).accuracies, best_policy(table).accuracies
    assert (after >= before - 1e-9).all() and (np.diff(after) >= -1e-9).all() and after[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize(
    ("n", "must_differ"), [(1, False), (2, False), (3, False), (4, False), (2, True), (3, True), (4, True)]
)
def test_the_recursion_of_shuffle_is_the_value(n, must_differ, temperature):
    exact = best_after_draw(law("shuffle", n, must_differ=must_differ), temperature).accuracies
    assert [shuffle_after_draw(n, t, must_differ, temperature) for t in range(1, n + 1)] == pytest.approx(
        list(exact), abs=1e-12
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize(
    ("name", "n"),
    [
        (f"{name}_random", n)
        for name, sizes in (("replace", (2, 4, 5)), ("insert", (1, 2, 3, 4)), ("remove", (2, 5, 6)))
        for n in sizes
    ],
)
def test_the_formulas_of_a_random_place_are_the_value(name, n, temperature):
    answers = law(name, n)
    exact = best_after_draw(answers, temperature).accuracies
    found = [place_after_draw(name, n, t, temperature) for t in range(1, answers.positions + 1)]
    assert found == pytest.approx(list(exact), abs=1e-12)


def test_the_numbers_of_the_audit():
    assert shuffle_after_draw(4, 2, must_differ=True) == pytest.approx(0.863, abs=5e-4)
    assert shuffle_after_draw(6, 3) == pytest.approx(0.984, abs=5e-4)
    assert shuffle_after_draw(20, 4) == pytest.approx(0.955, abs=5e-4)
    assert (mean_forwards(6), mean_forwards(20)) == pytest.approx((2.45, 3.6), abs=0.05)


@pytest.mark.parametrize("m", [1, 2, 7, 12])
def test_the_number_of_different_items_follows_the_stirling_numbers(m):
    stirling = [[1] + [0] * m]
    for i in range(1, m + 1):
        stirling.append([stirling[i - 1][d] * d + (stirling[i - 1][d - 1] if d else 0) for d in range(m + 1)])
    exact = [math.comb(m, d) * math.factorial(d) * stirling[m][d] / m**m for d in range(m + 1)]
    assert distinct_drawn(m) == pytest.approx(exact, abs=1e-12)


def test_more_items_are_harder_and_more_forwards_easier():
    table = [[shuffle_after_draw(n, t) for t in range(1, 7)] for n in range(1, 60)]
    assert (np.diff(table, axis=0) <= 1e-12).all() and (np.diff(table, axis=1) >= -1e-12).all()


@pytest.mark.parametrize(
    ("name", "n", "must_differ"), [("shuffle", 4, False), ("shuffle", 4, True), ("insert_random", 3, False)]
)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_policy_replayed_scores_what_it_promises(name, n, must_differ, temperature):
    answers = law(name, n, must_differ=must_differ)
    best, rng, forwards, count = best_after_draw(answers, temperature), np.random.default_rng(0), 2, 800
    right = 0
    for _ in range(count):
        context = np.full(answers.positions, -1)
        for left in range(forwards, 0, -1):
            marginals = answers.marginals_batch(context[None])[0]
            top = marginals >= marginals.max(axis=1, keepdims=True) - 1e-9
            odds = marginals if temperature else top / top.sum(axis=1, keepdims=True)
            drawn = [int(rng.choice(len(row), p=row / row.sum())) for row in odds]
            kept = list(best.keep(context, drawn, left))
            context[kept] = np.asarray(drawn)[kept]
            if (context >= 0).all():
                break
        right += bool((context >= 0).all() and np.isfinite(answers.log_probabilities(context[None])[0]))
    p = best.accuracies[forwards - 1]
    assert abs(right / count - p) < 4 * math.sqrt(p * (1 - p) / count) + 1e-9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: shuffle_after_draw(0, 1), "known for 1 to 500 items"),
        (lambda: shuffle_after_draw(61, 1, must_differ=True), "known for 1 to 60 items"),
        (lambda: shuffle_after_draw(3, 1, temperature=0.5), "known at 0 and at 1"),
        (lambda: place_after_draw("copy", 3, 1), "has no random place"),
        (lambda: place_after_draw("insert_random", 40, 1), "up to 39 items"),
        (lambda: place_after_draw("replace_random", 0, 1), "at least one item"),
        (lambda: best_after_draw(law("latin_square", 3)), "too many draws"),
        (lambda: best_after_draw(law("copy", 2)).keep([0, 1], [0, 1], 1), "nothing to keep"),
    ],
)
def test_mistakes_are_one_sentence(make, message):
    with pytest.raises(UserError, match=message):
        make()
