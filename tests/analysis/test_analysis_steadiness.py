"""Rankings under two conditions: the same where nothing changes, unrelated where all is random, and a planted swap is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from parallelbench.analysis.steadiness import CHANGED, KEPT, UNKNOWN, Steadiness, kendall, steadiness

WORDINGS = ("plain", "polite")
ACCURACIES = st.integers(0, 8).map(lambda eighths: eighths / 8)


def compared(scores: Any, draws: int = 200, axis: str = "wording", values: tuple[Any, ...] = WORDINGS) -> Steadiness:
    """Compare rankings by scores [tasks, n, conditions, decoders]."""
    rows, cells = [], []
    for (task, place, decoder), each in (
        (at, scores[at[0], :, at[1], at[2]]) for at in np.ndindex(len(scores), len(values), scores.shape[3])
    ):
        condition = {"wording": "plain", "end_tokens": "allow", "canvas_length": 32, "system": "", axis: values[place]}
        name = f"d{decoder}" + ("" if condition["end_tokens"] == "allow" else f":end_tokens={condition['end_tokens']}")
        cell = f"{task}/{place}/{decoder}"
        cells.append({"cell": cell, "question": f"q{task}", "rule": f"d{decoder}", **condition})
        rows += [
            {
                "cell": cell,
                "model": "m",
                "suite": "ours",
                "decoder": name,
                "sample_id": f"t{task}/{i}",
                "index": i,
                "accuracy": x,
            }
            for i, x in enumerate(each)
        ]
    return steadiness(pd.DataFrame(rows), pd.DataFrame(cells), draws)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_tau_is_scipys_and_nan_where_one_ranking_has_ties_only(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 9))
    first, second = (data.draw(arrays(float, size, elements=ACCURACIES)) for _ in range(2))
    ours = float(kendall(first, second))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(float(kendalltau(first, second).statistic))
        assert float(kendall(first, first)) == pytest.approx(1.0) and float(kendall(first, -first)) == pytest.approx(-1.0)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["wording", "end_tokens", "canvas_length", "system"]))
def test_a_condition_that_changes_no_outcome_changes_no_ranking(seed: int, axis: str) -> None:
    one = np.random.default_rng(seed).integers(0, 2, (2, 12, 1, 4)).astype(float)
    one[0, :, 0, 0], one[0, :, 0, 1] = 1.0, 0.0  # not all decoders are equal
    values = {"canvas_length": (32, 64), "end_tokens": ("allow", "ban")}.get(axis, ("", "x"))
    found = compared(np.repeat(one, 2, axis=2), 50, axis, values)
    (row,) = found.rankings.to_dict("records")
    assert (row["axis"], row["tau"], row["low"], row["high"]) == (axis, pytest.approx(1), pytest.approx(1), pytest.approx(1))
    assert (row["decoders"], row["tasks"], row["n"], row["changed"]) == (4, 2, 24, 0)
    assert row["kept"] + row["unknown"] == 6


def test_rankings_that_are_drawn_anew_have_a_mean_tau_of_0_and_nothing_is_told() -> None:
    draw = np.random.default_rng(5)
    found = [compared((draw.random((1, 20, 2, 6)) < 0.5).astype(float), 4) for _ in range(30)]
    taus = [float(one.rankings["tau"].iloc[0]) for one in found]
    assert abs(np.mean(taus)) < 3 * np.std(taus) / len(taus) ** 0.5
    assert sum(int((one.places["verdict"] == CHANGED).sum()) for one in found) == 0


def test_a_planted_swap_is_found_and_what_is_far_apart_keeps_its_order() -> None:
    chances = np.array([[0.9, 0.5, 0.1, 0.5], [0.5, 0.9, 0.1, 0.5]])  # the first two change places
    found = compared((np.random.default_rng(1).random((4, 40, 2, 4)) < chances).astype(float))
    verdicts = {(row["decoder"], row["other"]): row["verdict"] for row in found.places.to_dict("records")}
    assert verdicts[("d0", "d1")] == CHANGED
    assert verdicts[("d0", "d2")] == verdicts[("d1", "d2")] == verdicts[("d2", "d3")] == KEPT
    assert verdicts[("d0", "d3")] == verdicts[("d1", "d3")] == UNKNOWN  # equal under one of the two
    row = found.rankings.iloc[0]
    assert (row["changed"], row["kept"], row["unknown"]) == (1, 3, 2)
    assert row["low"] <= row["tau"] <= row["high"] < row["again"]


def test_only_decoders_and_tasks_that_ran_under_both_conditions_are_compared() -> None:
    scores = np.random.default_rng(2).integers(0, 2, (3, 10, 2, 4)).astype(float)
    scores[2, :, 1] = np.nan  # the third task ran in one wording
    scores[0, :, 0, 3] = np.nan  # the last decoder missed a task
    (row,) = compared(scores).rankings.to_dict("records")
    assert (row["tasks"], row["decoders"], row["n"]) == (2, 3, 20)
    assert compared(scores[:, :, :1], values=("plain",)).rankings.empty
    assert compared(scores[:, :, :, :1]).rankings.empty  # one decoder has no ranking
