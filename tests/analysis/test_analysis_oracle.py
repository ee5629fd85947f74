"""The oracle: the paper's rule is never below a setting, and ours finds no skill where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from parallelbench.analysis.oracle import (
    LEFT_OUT,
    OF_TASK,
    PAPER,
    best_outcome,
    fastest_mixture,
    oracles,
    oracles_of,
    outcome_left_out,
)
from parallelbench.analysis.settings import TaskMatrix, matrices

SPEEDS = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
"""Tokens per step of six settings."""
SIZES = st.tuples(st.integers(1, 20), st.integers(2, 6))


def task(scores: Any, speeds: Any = SPEEDS) -> TaskMatrix:
    """A task with these scores, [n, m], and the same speed of each setting in every sample, or [n, m]."""
    matrix = np.asarray(scores, dtype=float)
    speed = np.broadcast_to(np.asarray(speeds, dtype=float), matrix.shape)
    values = {"accuracy": matrix, "tokens_per_step": speed, "content_tokens_per_forward": speed / 2, "nfe": 24 / speed}
    return TaskMatrix("ours", "t", values, np.arange(len(matrix)))


def oracle_of(tasks: list[TaskMatrix], rule: str, draws: int) -> dict[str, Any]:
    (row,) = oracles_of(tasks, [rule], draws)
    return row


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_best_outcome_is_never_below_a_setting(data: st.DataObject) -> None:
    shape = data.draw(SIZES)
    scores = data.draw(arrays(float, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
    nfe = data.draw(arrays(float, shape, elements=st.integers(1, 30).map(float)))
    chosen = best_outcome(scores, nfe)
    taken = scores[np.arange(len(scores)), chosen]
    assert (taken == scores.max(axis=1)).all() and taken.mean() >= scores.mean(axis=0).max()
    rivals = np.where(scores == taken[:, None], nfe, np.inf).min(axis=1)
    assert (nfe[np.arange(len(scores)), chosen] == rivals).all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_outcome_that_counts_takes_no_part_in_its_choice(data: st.DataObject) -> None:
    shape = data.draw(SIZES)
    scores = data.draw(arrays(float, shape, elements=st.sampled_from([0.0, 1.0])))
    nfe = np.broadcast_to(np.arange(shape[1], 0, -1.0), shape)
    chosen = outcome_left_out(scores, nfe)
    rows = np.arange(shape[0])
    other = scores.copy()
    other[rows, chosen] = 1.0 - other[rows, chosen]
    assert (outcome_left_out(other, nfe) == chosen).all()


def test_the_order_of_samples_and_settings_does_not_matter() -> None:
    generator = np.random.default_rng(1)
    scores = (generator.random((50, 6)) < 0.7).astype(float)
    columns, rows = generator.permutation(6), generator.permutation(50)
    for rule in (PAPER, LEFT_OUT):
        one = oracle_of([task(scores)], rule, 20)
        other = oracle_of([task(scores[rows][:, columns], SPEEDS[columns])], rule, 20)
        for name in ("accuracy", "tokens_per_step", "fixed_tokens_per_step", "ratio"):
            assert one[name] == pytest.approx(other[name]), (rule, name)


def test_pure_noise_shows_skill_by_the_papers_rule_and_none_by_ours() -> None:
    generator = np.random.default_rng(7)
    curves = {(0.98, 0.95, 0.9, 0.8, 0.6, 0.3): 2.5, (1.0, 1.0, 0.9, 0.5, 0.2, 0.1): 1.4, (0.7, 0.7, 0.6, 0.6, 0.5, 0.5): 4.0}
    for chances, at_least in curves.items():
        found: dict[str, list[float]] = {PAPER: [], LEFT_OUT: [], OF_TASK: []}
        for _ in range(40):
            tasks = [task((generator.random((100, 6)) < np.array(chances)).astype(float)) for _ in range(3)]
            for rule, ratios in found.items():
                ratios.append(oracle_of(tasks, rule, 2)["ratio"])
        assert np.mean(found[PAPER]) > at_least, chances
        assert 0.5 < np.mean(found[LEFT_OUT]) <= 1.0 >= np.mean(found[OF_TASK]), chances


def test_tasks_that_need_different_settings_are_skill_and_not_noise() -> None:
    generator = np.random.default_rng(9)
    hard, easy = np.array([1.0, 0.5, 0.2, 0.1, 0.05, 0.0]), np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    tasks = [task((generator.random((200, 6)) < one).astype(float)) for one in (hard, easy)]
    assert oracle_of(tasks, LEFT_OUT, 200)["ratio_low"] > 1.1
    assert oracle_of(tasks, OF_TASK, 200)["ratio_low"] > 1.1


def test_the_interval_on_pure_noise_lies_above_one_no_more_often_than_it_may() -> None:
    generator = np.random.default_rng(8)
    chances = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.5])
    above = [
        oracle_of([task((generator.random((80, 6)) < chances).astype(float))], LEFT_OUT, 200)["ratio_low"] > 1.0
        for _ in range(60)
    ]
    assert sum(above) <= 5  # 2.5 % of 60 is 1.5; P(more than 5) < .01


def test_samples_that_need_different_settings_are_skill_by_both_rules() -> None:
    needs = np.random.default_rng(2).integers(0, 6, size=300)  # the fastest setting at which the sample is still right
    scores = (np.arange(6) <= needs[:, None]).astype(float)
    paper, ours = (oracle_of([task(scores)], rule, 200) for rule in (PAPER, LEFT_OUT))
    assert paper["accuracy"] == pytest.approx(1.0) and paper["ratio"] == pytest.approx(SPEEDS[needs].mean())
    assert ours["accuracy"] == pytest.approx(1.0) and ours["ratio_low"] > 2.0
    assert ours["ratio"] == pytest.approx(SPEEDS[np.maximum(needs - 1, 0)].mean())
    assert ours["ratio_low"] < ours["ratio"] < ours["ratio_high"] < paper["ratio"]


@pytest.mark.parametrize(
    ("needed", "speed", "why"),
    [(0.9, 2.0, "a setting"), (0.7, 3.0, "half of the samples under each of two"), (0.4, 4.0, "less than the worst"),
     (0.95, 2.0, "more than the best")],
)  # fmt: skip
def test_the_fastest_mixture(needed: float, speed: float, why: str) -> None:
    accuracy, speeds = np.array([[0.9, 0.5, 0.6]]), np.array([[2.0, 4.0, 2.5]])
    assert fastest_mixture(accuracy, speeds, np.array([needed]))[0] == pytest.approx(speed), why


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 20), settings=st.integers(1, 12), grid=st.sampled_from([2, 5, 1000]))
def test_the_fastest_mixture_is_the_best_of_all_pairs(seed: int, settings: int, grid: int) -> None:
    draw = np.random.default_rng(seed)
    accuracy, speeds = (draw.integers(0, grid + 1, (20, settings)) / grid for _ in range(2))
    needed = draw.integers(0, grid + 1, 20) / grid
    for row, found in enumerate(fastest_mixture(accuracy, 1 + speeds, needed)):
        points = list(zip(accuracy[row], 1 + speeds[row], strict=True))
        mixed = [
            (needed[row] - b) / (a - b) * s + (a - needed[row]) / (a - b) * t
            for a, s in points for b, t in points if b < needed[row] <= a
        ]  # fmt: skip
        alone = [speed for score, speed in points if score >= needed[row]]
        most = [points[int(accuracy[row].argmax())][1]]
        assert found == pytest.approx(max([*mixed, *alone], default=most[0]))


def rows_of(scores: Any, decoders: list[str], **more: Any) -> pd.DataFrame:
    found = [
        {"model": "m", "series": "threshold", "adaptive": True, "suite": "ours", "task": "t", "seed": 0, "decoder": decoder,
         "sample_id": f"t/{index}", "index": index, "accuracy": float(score), "tokens_per_step": 1.0 + place,
         "content_tokens_per_forward": 1.0, "nfe": 12 / (1.0 + place), **more}
        for index, row in enumerate(scores) for place, (decoder, score) in enumerate(zip(decoders, row, strict=True))
    ]  # fmt: skip
    return pd.DataFrame(found)


def test_a_frame_becomes_one_row_for_each_curve_and_rule() -> None:
    names = ["threshold:gamma=0.9", "threshold:gamma=0.7", "threshold:gamma=0.5"]
    table = oracles(rows_of([[1, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 0]], names), draws=50)
    paper, ours, of_task = table.to_dict("records")
    assert (of_task["rule"], of_task["accuracy"], of_task["tokens_per_step"]) == (OF_TASK, 0.25, 2.0)
    assert (paper["rule"], paper["accuracy"], paper["settings"], paper["n"]) == (PAPER, 0.75, 3, 4)
    assert paper["tokens_per_step"] == (2 + 3 + 1 + 3) / 4 and paper["fixed_tokens_per_step"] == 1.0
    assert (ours["rule"], ours["accuracy"], ours["tokens_per_step"]) == (LEFT_OUT, 0.5, (1 + 2 + 1 + 1) / 4)


def test_curves_that_cannot_be_judged_have_no_row() -> None:
    names = ["threshold:gamma=0.9", "threshold:gamma=0.7", "threshold:gamma=0.5"]
    frame = rows_of([[1, 1, 0], [1, 0, 1]], names)
    assert oracles(frame[frame["decoder"] != names[0]]).empty, "two settings"
    assert oracles(frame.assign(adaptive=False)).empty
    assert oracles(frame.assign(tokens_per_step=float("nan"))).empty
    disjoint = frame[(frame["decoder"] == names[0]) == (frame["index"] == 0)]
    assert oracles(disjoint).empty, "no sample under all settings"
    assert list(oracles(frame.assign(accuracy=frame["accuracy"] / 2), 5)["rule"]) == [PAPER, OF_TASK], "scores between 0 and 1"


def test_seeds_of_a_data_file_are_draws_of_one_sample() -> None:
    names = ["a", "b", "c"]
    first = rows_of([[1, 1, 0], [1, 0, 1]], names, suite="official")
    both = pd.concat([first, first.assign(seed=1, sample_id="other", accuracy=1.0 - first["accuracy"])])
    (matrix,) = matrices(both, names)
    assert matrix.values["accuracy"].shape == (4, 3) and sorted(matrix.sample) == [0, 0, 1, 1]
    weights = matrix.weights(np.random.default_rng(0), 50)
    assert np.allclose(weights.sum(axis=1), 1) and np.allclose(matrix.weight, 0.25)
    for number in (0, 1):
        assert np.ptp(weights[:, matrix.sample == number], axis=1).max() == 0, "drawn together"
