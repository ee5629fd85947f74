"""Threshold and factor against their definitions, simulated step by step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from decoding_fakes import Fake, certain, generate, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import load_decoder

CONFIDENCES = st.lists(st.one_of(st.floats(0.15, 0.999999), st.sampled_from([0.5, 0.9, 0.25])), min_size=1, max_size=12)


def measured(confidences: list[float]) -> list[float]:
    """The confidences as the engine sees them, each position's own."""
    (done,) = generate(Fake(certain(confidences)), [prompt(len(confidences))], "all_at_once")
    return [sure for _, _, sure, _ in sorted(done.ledger.history[0])]


def simulate(sure: list[float], count: object) -> list[list[int]]:
    """Commit the `count(falling confidences)` best of what is left, at least one, ties to the lowest position."""
    left, steps = list(range(len(sure))), []
    while left:
        ranked = sorted(left, key=lambda position: (-sure[position], position))
        chosen = ranked[: max(1, count([sure[position] for position in ranked]))]  # type: ignore[operator]
        steps.append(chosen)
        left = [position for position in left if position not in chosen]
    return steps


def largest(falling: list[float], f: float) -> int:
    """The largest n with (n + 1)(1 - c_(n)) < f, by trying every n."""
    return max((n for n in range(1, len(falling) + 1) if (n + 1) * (1 - falling[n - 1]) < f), default=0)


@settings(max_examples=150, deadline=None)
@given(confidences=CONFIDENCES, gamma=st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]) | st.floats(0, 1).map(lambda g: round(g, 3)))
def test_threshold_commits_everything_that_is_sure_enough(confidences: list[float], gamma: float) -> None:
    (done,) = generate(Fake(certain(confidences)), [prompt(len(confidences))], f"threshold:gamma={gamma}")
    limit = float(np.float32(gamma))
    assert orders(done) == simulate(measured(confidences), lambda falling: sum(c >= limit for c in falling))


@settings(max_examples=150, deadline=None)
@given(confidences=CONFIDENCES, f=st.sampled_from([0.0, 0.5, 1.0, 1.9, 100.0]) | st.floats(0, 20).map(lambda f: round(f, 3)))
def test_factor_commits_the_largest_n_of_the_formula(confidences: list[float], f: float) -> None:
    (done,) = generate(Fake(certain(confidences)), [prompt(len(confidences))], f"factor:f={f}")
    assert orders(done) == simulate(measured(confidences), lambda falling: largest(falling, f))


def test_factor_is_not_off_by_one_at_the_ends() -> None:
    # (n + 1)(1 - c_n) is 0.2, 0.3, 1.2: two pass at f = 1, and none at f = 0.1
    confidences = [0.9, 0.9, 0.7]
    assert orders(generate(Fake(certain(confidences)), [prompt(3)], "factor:f=1.0")[0]) == [[0, 1], [2]]
    assert orders(generate(Fake(certain(confidences)), [prompt(3)], "factor:f=0.1")[0]) == [[0], [1], [2]]
    assert orders(generate(Fake(certain(confidences)), [prompt(3)], "factor:f=1.3")[0]) == [[0, 1, 2]]


def test_gamma_one_is_one_by_one_and_gamma_zero_all_at_once() -> None:
    confidences = [0.3, 0.999, 0.99999, 0.5]
    assert orders(generate(Fake(certain(confidences)), [prompt(4)], "threshold:gamma=1.0")[0]) == [[2], [1], [3], [0]]
    assert orders(generate(Fake(certain(confidences)), [prompt(4)], "threshold:gamma=0.0")[0]) == [[2, 1, 3, 0]]


@pytest.mark.parametrize("spec", ["threshold:gamma=0.9", "factor:f=1.0"])
def test_a_sample_temperature_does_not_lower_the_bar(spec: str) -> None:
    """The confidence is the model's probability of what was drawn, not of the tempered law."""
    decoder = load_decoder(f"{spec},temperature=2.0")
    for done in generate(Fake(certain([0.95] * 6)), [prompt(6, index=index) for index in range(20)], decoder):
        for writes in done.ledger.history:
            for _, token, sure, _ in writes:
                assert math.isclose(sure, 0.95 if token == 5 else 0.05 / 9, rel_tol=1e-5)
