"""Frontiers and curves in one number, by hand-worked examples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelbench.analysis.frontier import aup, step_frontier

POINTS = st.lists(st.tuples(st.floats(0.5, 64), st.floats(0, 1)), min_size=1, max_size=20)


def test_the_frontier_keeps_what_nothing_beats() -> None:
    points = [(1, 0.9), (2, 0.9), (4, 0.5), (3, 0.4), (8, 0.1), (8, 0.1)]
    assert step_frontier(points) == [1, 2, 4]


@given(POINTS)
def test_every_point_is_on_the_frontier_or_dominated_by_it(points: list[tuple[float, float]]) -> None:
    kept = step_frontier(points)
    for speed, score in points:
        assert any(points[i][0] >= speed and points[i][1] >= score for i in kept)
    assert [points[i] for i in kept] == sorted({points[i] for i in kept})
    scores = [points[i][1] for i in kept]
    assert scores == sorted(set(scores), reverse=True)


def test_aup_of_a_flat_curve_is_its_rectangle_and_losses_weigh_less() -> None:
    assert aup([(1, 0.8), (3, 0.8)]) == pytest.approx(3 * 80)
    weight = math.exp(-3 * (1 - 0.76 / 0.8))
    assert aup([(1, 0.8), (2, 0.76)]) == pytest.approx(80 + (80 + 76 * weight) / 2)
    assert aup([(1, 0.8), (2, 0.5)]) == pytest.approx(80), "points that lose more than five points do not count"
    assert aup([]) == 0.0
