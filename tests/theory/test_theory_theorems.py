"""The paper's theorems as properties of random laws (arXiv 2510.04767, Theorems 1 to 3, Lemma 1, Remark 2)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_oracles import partitions, tables

from parallelbench.theory import UNKNOWN, bound, model_log_probabilities, optimum, total_correlation

TOLERANCE = 1e-9


def divergence_of_model(table, partition, tilt, strings):
    """log2 P_data - log2 P_theta of strings, for marginals mixed with a distribution of the model's own: [B]."""
    context = np.full_like(strings, UNKNOWN)
    total = table.log_probabilities(strings)
    for chosen in partition:
        for i in chosen:
            marginals = 0.8 * table.marginals_batch(context)[:, i] + 0.2 * tilt[i]
            total = total - np.log2(np.take_along_axis(marginals, strings[:, [i]], axis=1)[:, 0])
        context[:, list(chosen)] = strings[:, list(chosen)]
    return total


@settings(max_examples=60, deadline=None)
@given(data=st.data(), table=tables())
def test_theorem_1_equality_with_exact_marginals(data, table):
    partition = data.draw(partitions(table.positions))
    strings, weights = table.support()
    divergence = weights @ (table.log_probabilities(strings) - model_log_probabilities(table, strings, partition))
    assert divergence == pytest.approx(bound(table, partition), abs=TOLERANCE)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), table=tables(), seed=st.integers(0, 2**32 - 1))
def test_theorem_1_no_factorised_model_is_closer_by_monte_carlo(data, table, seed):
    rng = np.random.default_rng(seed)
    partition = data.draw(partitions(table.positions))
    tilt = rng.dirichlet(np.ones(len(table.alphabet)), size=table.positions)
    drawn = divergence_of_model(table, partition, tilt, table.sample(rng, 4000))
    margin = 6 * drawn.std() / np.sqrt(len(drawn)) + TOLERANCE
    assert drawn.mean() + margin >= bound(table, partition)
    strings, weights = table.support()
    exact = weights @ divergence_of_model(table, partition, tilt, strings)
    assert exact >= bound(table, partition) - TOLERANCE and abs(drawn.mean() - exact) <= margin + 0.05


@settings(max_examples=60, deadline=None)
@given(table=tables(positions=(1, 5)))
def test_theorem_2_the_optimum_never_rises_and_ends_at_zero(table):
    bounds = optimum(table).bounds
    assert (np.diff(bounds) <= TOLERANCE).all()
    assert bounds[0] == pytest.approx(total_correlation(table), abs=TOLERANCE)
    assert bounds[-1] == pytest.approx(0.0, abs=TOLERANCE)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_theorem_3_partitions_chosen_from_the_input_never_rise_either(data):
    n = data.draw(st.integers(2, 4))
    inputs = data.draw(st.lists(tables(positions=(n, n)), min_size=2, max_size=3))
    adaptive = np.mean([optimum(table).bounds for table in inputs], axis=0)
    assert (np.diff(adaptive) <= TOLERANCE).all()
    fixed = data.draw(partitions(n))
    assert adaptive[len(fixed) - 1] <= np.mean([bound(table, fixed) for table in inputs]) + TOLERANCE


@settings(max_examples=60, deadline=None)
@given(data=st.data(), table=tables(positions=(2, 5)))
def test_lemma_1_splitting_a_step_never_costs_more(data, table):
    """C(S | Z) >= C(A | Z) + E[C(B | Z, A)] for S = A u B."""
    partition = data.draw(partitions(table.positions))
    split = data.draw(st.integers(0, len(partition) - 1))
    chosen = partition[split]
    cut = data.draw(st.integers(0, len(chosen)))
    parts = tuple(part for part in (chosen[:cut], chosen[cut:]) if part)
    finer = (*partition[:split], *parts, *partition[split + 1 :])
    assert bound(table, finer) <= bound(table, partition) + TOLERANCE
