"""Counting: content tokens, forwards, finalisation order; the rank correlations against brute force."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelbench.metrics.speed import (
    Order,
    Speed,
    content_tokens,
    decoding_order,
    final_steps,
    kendall_tau,
    measure,
    spearman,
)
from parallelbench.schema import Ledger

Writes = tuple[tuple[tuple[int, int, float, str], ...], ...]


def ledger(nfe: dict[str, int], history: Writes = ()) -> Ledger:
    return Ledger(nfe, rows=0, q_tokens=0, kv_tokens=0, flops=0.0, history=history)


def committed(*steps: tuple[int, ...]) -> Writes:
    return tuple(tuple((position, 7, 0.5, "commit") for position in step) for step in steps)


def test_end_padding_is_a_step_but_no_content() -> None:  # fault 23
    assert measure(ledger({"denoise": 3, "verify": 1}), [5, 6, 0, 9, 0, 0, 0, 0], {0}) == Speed(2, 4, 2.0, 0.5)


def test_what_a_frame_gives_is_not_decoded() -> None:
    assert measure(ledger({"denoise": 2}), [5, 6, 7, 8, 0, 0], {0}, given=[0, 2, 5]) == Speed(4, 2, 1.5, 1.0)


@pytest.mark.parametrize(
    ("ids", "ends", "count"), [([], {0}, 0), ([1, 2], {0}, 2), ([1, 2, 0, 3], {0, 3}, 2), ([0, 1], {0}, 0), ([1], set(), 1)]
)
def test_content_tokens_stand_before_the_first_end(ids: list[int], ends: set[int], count: int) -> None:
    assert content_tokens(ids, ends) == count


def test_a_sample_that_needs_no_forward_has_no_tokens_per_forward() -> None:  # fault 44
    assert measure(ledger({}), [1, 2, 0], {0}, given=[0, 1, 2]) == Speed(2, 0, None, None)


def test_the_last_write_counts_and_a_remask_does_not() -> None:
    history: Writes = (
        ((0, 5, 0.9, "commit"), (2, 6, 0.4, "commit")),
        ((2, 9, 0.4, "remask"),),
        ((1, 5, 0.9, "commit"), (2, 8, 0.7, "commit")),
        ((0, 4, 0.9, "edit"),),
    )
    positions, steps = final_steps(history)
    assert (positions.tolist(), steps.tolist()) == ([0, 1, 2], [3, 2, 2])
    assert decoding_order(history).afp == 0.75


def test_orders_of_plain_schedules() -> None:
    left_to_right = decoding_order(committed((0,), (1,), (2,), (3,)))
    assert left_to_right == Order(1.0, pytest.approx(1.0), pytest.approx(1.0))
    backwards = decoding_order(committed((3,), (2,), (1,), (0,)))
    assert backwards == Order(1.0, pytest.approx(-1.0), pytest.approx(-1.0))
    assert decoding_order(committed((0, 1, 2, 3))) == Order(4.0, None, None)
    assert decoding_order(()) == Order(None, None, None)
    pairs = decoding_order(committed((0, 1), (2, 3)))
    assert pairs == Order(2.0, pytest.approx(4 / math.sqrt(4 * 6)), pytest.approx(2 / math.sqrt(5)))


def slow_tau(x: list[int], y: list[int]) -> float | None:
    pairs = [((a > b) - (a < b), (c > d) - (c < d)) for (a, c), (b, d) in combinations(zip(x, y, strict=True), 2)]
    scale = sum(1 for s, _ in pairs if s) * sum(1 for _, t in pairs if t)
    return sum(s * t for s, t in pairs) / math.sqrt(scale) if scale else None


def slow_spearman(x: list[int], y: list[int]) -> float | None:
    def ranks(values: list[int]) -> list[float]:
        return [sum(v < value for v in values) + (sum(v == value for v in values) + 1) / 2 for value in values]

    if len(set(x)) < 2 or len(set(y)) < 2:
        return None
    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=25))
def test_correlations_with_ties_equal_the_definitions(pairs: list[tuple[int, int]]) -> None:
    x, y = [a for a, _ in pairs], [b for _, b in pairs]
    for found, defined in ((kendall_tau(x, y), slow_tau(x, y)), (spearman(x, y), slow_spearman(x, y))):
        assert (found is None) == (defined is None)
        if found is not None:
            assert found == pytest.approx(defined) and -1.0 <= found <= 1.0


@given(st.lists(st.lists(st.integers(0, 15), max_size=4), max_size=12))
def test_every_position_is_counted_once(steps: list[list[int]]) -> None:
    history = committed(*(tuple(step) for step in steps))
    positions, final = final_steps(history)
    assert positions.tolist() == sorted({p for step in steps for p in step})
    for position, step in zip(positions, final, strict=True):
        assert position in steps[step] and all(position not in later for later in steps[step + 1 :])
