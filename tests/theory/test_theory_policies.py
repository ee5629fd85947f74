"""The best policy against the recursion written out, against schedules, and replayed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_oracles import STRUCTURED, draw_symbols, partitions, tables

from parallelbench.errors import UserError
from parallelbench.theory import best_policy, law, optimum, partition_accuracy
from parallelbench.theory.information import tempered


def value(table, context, forwards, temperature):
    """The best probability of a right answer: every set, every draw."""
    unknown = [i for i, symbol in enumerate(context) if symbol < 0]
    if table.log_probability(context) == -np.inf:
        return 0.0
    if not unknown or not forwards:
        return float(not unknown)
    marginals = tempered(table.marginals(context), temperature)
    best = 0.0
    for size in range(1, len(unknown) + 1):
        for chosen in itertools.combinations(unknown, size):
            total = 0.0
            for drawn in itertools.product(range(len(table.alphabet)), repeat=size):
                probability = float(np.prod(marginals[list(chosen), list(drawn)]))
                if probability:
                    after = list(context)
                    for i, symbol in zip(chosen, drawn, strict=True):
                        after[i] = symbol
                    total += probability * value(table, after, forwards - 1, temperature)
            best = max(best, total)
    return best


@settings(max_examples=15, deadline=None)
@given(table=tables(positions=(1, 3), symbols=2), temperature=st.sampled_from([0.0, 1.0]))
def test_the_value_is_the_recursion_over_every_set_and_draw(table, temperature):
    expected = [value(table, [-1] * table.positions, t, temperature) for t in range(1, table.positions + 1)]
    np.testing.assert_allclose(best_policy(table, temperature).accuracies, expected, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), table=tables(positions=(2, 4)))
def test_no_schedule_beats_it_and_more_forwards_never_hurt(data, table):
    partition = data.draw(partitions(table.positions))
    accuracies = best_policy(table).accuracies
    assert accuracies[len(partition) - 1] >= partition_accuracy(table, partition) - 1e-9
    assert (np.diff(accuracies) >= -1e-9).all() and accuracies[-1] == pytest.approx(1.0)


def test_looking_at_tokens_does_not_help_on_shuffle_but_does_on_replace_random():
    shuffle, replace = law("shuffle", 5), law("replace_random", 6)
    np.testing.assert_allclose(best_policy(shuffle).accuracies, np.exp2(-optimum(shuffle).bounds), atol=1e-9)
    best = best_policy(replace)
    assert best.accuracies[1] == pytest.approx(2 * (5 / 6) ** 5)  # all but one, then the last, which is certain
    assert best.accuracies[1] > np.exp2(-optimum(replace).bounds[1]) + 0.1


def test_greedy_has_its_own_optimum():
    best = best_policy(law("replace_random", 5), temperature=0.0)
    np.testing.assert_allclose(best.accuracies, [0, 1, 1, 1, 1])
    assert len(best.choose([-1] * 5, 2)) == 4


@pytest.mark.parametrize("name", ["insert_random", "shuffle_must_differ", "replace_random"])
@pytest.mark.parametrize("forwards", [1, 2, 3])
def test_a_replayed_policy_scores_what_it_promises(name, forwards):
    answers = STRUCTURED[name]
    policy = best_policy(answers)
    rng, count = np.random.default_rng(forwards), 800
    right = 0
    for _ in range(count):
        context, left = np.full(answers.positions, -1), forwards
        while (context < 0).any():
            chosen = list(policy.choose(context, max(left, 1)))
            drawn = draw_symbols(answers.marginals_batch(context), 1.0, rng)[0]
            context[chosen], left = drawn[chosen], left - 1
        assert left >= 0
        right += answers.log_probability(context) > -np.inf
    promised = policy.accuracies[forwards - 1]
    assert right / count == pytest.approx(promised, abs=4.5 * np.sqrt(promised * (1 - promised) / count) + 1e-9)


def test_mistakes_are_one_sentence():
    policy = best_policy(law("shuffle", 3))
    assert policy.choose([1, 1, -1], 2) == (2,)
    with pytest.raises(UserError, match="at least one forward"):
        policy.choose([-1, -1, -1], 0)
    with pytest.raises(UserError, match="too many; use at most 10 positions"):
        best_policy(law("latin_square", 4))
