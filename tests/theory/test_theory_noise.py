"""The posterior under token-wise noise, against Bayes' rule written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_oracles import tables

from parallelbench.errors import UserError
from parallelbench.theory import NoisyPosterior, law


def bayes(strings, prior, vocabulary, epsilon, context):
    """P(string | context), one factor at a time."""
    likelihood = [
        np.prod([(1 - epsilon) * (y == s) + epsilon / vocabulary for y, s in zip(context, string, strict=True) if y >= 0])
        for string in strings
    ]
    posterior = np.array(likelihood) * prior
    return posterior / posterior.sum()


@settings(max_examples=100, deadline=None)
@given(table=tables(), epsilon=st.sampled_from([1e-3, 0.1, 0.7, 1.0]), data=st.data())
def test_the_posterior_is_bayes_rule(table, epsilon, data):
    strings, prior = table.support()
    context = data.draw(st.lists(st.integers(-1, 4), min_size=table.positions, max_size=table.positions))
    posterior = NoisyPosterior(strings, prior, 5, epsilon)
    weights = posterior.weights([context])[0]
    np.testing.assert_allclose(weights, bayes(strings, prior, 5, epsilon, context), atol=1e-10)
    expected = np.full((table.positions, 5), epsilon / 5)
    for string, weight in zip(strings, weights, strict=True):
        expected[np.arange(table.positions), string] += (1 - epsilon) * weight
    np.testing.assert_allclose(posterior.marginals([context])[0], expected, atol=1e-12)


def test_tiny_noise_is_stable_and_never_flat_off_the_support():
    strings, prior = law("shuffle", 5, must_differ=True).support()
    seen = NoisyPosterior(strings, prior, 50_000, 1e-12).marginals([[1, 1, -1, -1, -1], [7, -1, -1, -1, -1]])
    assert np.isfinite(seen).all() and (seen > 0).all()
    np.testing.assert_allclose(seen.sum(axis=2), 1.0)
    # 1 is at home once of twice: 2 * 4! nearest orders, one of which is the input's own and excluded
    np.testing.assert_allclose(seen[0, 2, :5], np.array([12, 0, 11, 12, 12]) / 47, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(table=tables(), data=st.data())
def test_no_noise_on_the_support_is_the_exact_conditional(table, data):
    string = data.draw(st.sampled_from(table.support()[0].tolist()))
    context = [symbol if data.draw(st.booleans()) else -1 for symbol in string]
    posterior = NoisyPosterior(*table.support(), len(table.alphabet), 0.0)
    agree = ((table.support()[0] == context) | (np.array(context) < 0)).all(axis=1)
    weights = np.where(agree, table.support()[1], 0.0)
    np.testing.assert_allclose(posterior.weights([context])[0], weights / weights.sum(), atol=1e-12)


def test_a_batch_gives_what_its_rows_give_alone():
    answers = law("latin_square", 4)
    rng = np.random.default_rng(0)
    contexts = np.where(rng.random((9000, 16)) < 0.5, rng.integers(0, 4, (9000, 16)), -1)
    posterior = NoisyPosterior(*answers.support(), 6, 1e-4)
    whole = posterior.mass(contexts)
    assert whole.shape == (9000, len(posterior.place))
    for row in (0, 7281, 7282, 8999):
        np.testing.assert_allclose(whole[row], posterior.mass(contexts[row : row + 1])[0], atol=1e-12)
    assert posterior.mass(contexts[:0]).shape == (0, len(posterior.place))


def test_mistakes_are_one_sentence():
    with pytest.raises(UserError, match=r"lies in \[0, 1\]"):
        NoisyPosterior([[0]], [1.0], 2, 1.5)
    with pytest.raises(UserError, match="whole vocabulary"):
        NoisyPosterior([[2]], [1.0], 2, 0.1)
