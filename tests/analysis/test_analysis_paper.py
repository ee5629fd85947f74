"""The task map, the length of lists, and a curve in one number: formulas by hand, intervals, and what choosing adds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.analysis import frame as tables
from parallelbench.analysis.curve_numbers import areas, pbx
from parallelbench.analysis.lengths import at_speeds, by_length
from parallelbench.analysis.ranking import rankings
from parallelbench.analysis.task_map import Setting, centre_of_mass, preference, task_map


def rows_of(decoder: str, scores: list[float], speed: float, task: str = "t", **more: Any) -> list[dict[str, Any]]:
    family = decoder.partition(":")[0]
    return [
        {"cell": f"{task}/{decoder}", "suite": "ours", "task": task, "model": "m", "exact": False, "tokenizer": "", "seed": 0,
         "decoder": decoder, "family": family, "series": family, "setting": decoder.partition(":")[2], "variant": "plain",
         "adaptive": False, "canvas_length": 32, "sample_id": f"{task}/{index}", "index": index, "accuracy": score,
         "tokens_per_step": speed, "content_tokens_per_forward": speed, "nfe": 32 / speed, "rows": 32 / speed, "flops": 1.0,
         "flagged": 0.0,
         "seconds": 0.1, "law": "shuffle", "law_n": 3 + index % 3, "must_differ": True, **more}
        for index, score in enumerate(scores)
    ]  # fmt: skip


def overall_of(frame: pd.DataFrame) -> pd.DataFrame:
    return tables.overall(tables.points(frame))


def test_the_formulas_of_the_task_map() -> None:
    assert centre_of_mass(np.array([1.0, 2, 4]), np.array([1.0, 0.5, 0.25])) == (1 + 1 + 1) / 1.75
    assert math.isnan(centre_of_mass(np.array([1.0, 2]), np.zeros(2)))
    assert preference(np.array([2.0, 4, 8]), np.array([0.9, 0.8, 0.6])) == pytest.approx(0.05), "short blocks: above 0"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=6))
def test_parallelizability_lies_among_the_k_and_rises_with_accuracy_at_high_k(accuracies: list[float]) -> None:
    k = 2.0 ** np.arange(len(accuracies))
    value = float(centre_of_mass(k, np.array(accuracies)))
    assert 1 <= value <= k[-1] + 1e-9
    assert centre_of_mass(k, np.array([*accuracies[:-1], 2.0])) > value - 1e-12


def test_a_task_that_falls_with_k_lies_below_one_that_does_not() -> None:
    chosen: dict[str, Setting] = {}
    rows = []
    for k in (1, 2, 4, 16):
        rows += rows_of(f"confidence:k={k}", [1.0] * 12, k, "flat")
        rows += rows_of(f"confidence:k={k}", [1.0] * (12 // k) + [0.0] * (12 - 12 // k), k, "steep")
        chosen |= {f"{task}/confidence:k={k}": Setting("confidence", k, None) for task in ("flat", "steep")}
    rows += rows_of("random:k=32", [1.0] * 12, 32, "flat")
    for block in (2, 8):
        name = f"confidence:k=2,block={block}"
        rows += rows_of(name, [1.0] * 12, 2, "steep")
        chosen[f"steep/{name}"] = Setting("confidence", 2, block)
    table = task_map(pd.DataFrame(rows), chosen, draws=200).set_index("task")
    flat, steep = table.loc["flat"], table.loc["steep"]
    assert flat["parallelizability"] == pytest.approx((1 + 2 + 4 + 16) / 4) and flat["parallelizability_high"] == pytest.approx(
        5.75
    )
    assert steep["parallelizability"] == pytest.approx((12 + 12 + 12) / (12 + 6 + 3)), "k = 16 has no sample right"
    assert steep["parallelizability_low"] < steep["parallelizability"] < steep["parallelizability_high"]
    assert steep["order_preference"] > 0 and math.isnan(flat["order_preference"]), "the whole canvas is a block of 32"
    assert flat["methods"] == 1


def test_lengths_come_from_the_cell_or_from_the_law() -> None:
    frame = pd.DataFrame(rows_of("confidence:k=2", [1.0, 0.0, 1.0, 1.0, 0.0, 0.0], 2.0))
    mixed = by_length(frame, {})
    assert dict(zip(mixed["length"], mixed["accuracy"], strict=True)) == {3: 1.0, 4: 0.0, 5: 0.5}
    assert (mixed["n"] == 2).all() and (mixed["low"] < mixed["accuracy"] + 1e-9).all()
    (single,) = by_length(frame.assign(law=None, law_n=None), {"t/confidence:k=2": 9}).to_dict("records")
    assert (single["length"], single["n"], single["accuracy"]) == (9, 6, 0.5)
    assert by_length(frame.assign(law=None, law_n=None), {}).empty


def test_the_setting_nearest_to_a_speed_is_shown_if_it_is_near() -> None:
    frame = pd.DataFrame([row for k in (1, 2, 8) for row in rows_of(f"confidence:k={k}", [1.0, 1.0], k)])
    found = at_speeds(by_length(frame, {f"t/confidence:k={k}": 5 for k in (1, 2, 8)}), (1.0, 2.2, 4.0, 8.0))
    assert list(zip(found["speed"], found["decoder"], strict=True)) == [
        (1.0, "confidence:k=1"), (2.2, "confidence:k=2"), (8.0, "confidence:k=8")
    ]  # fmt: skip
    assert at_speeds(by_length(frame.assign(tokens_per_step=float("nan")), {"t/confidence:k=1": 5}), (1.0,)).empty


def noise(generator: np.random.Generator, settings: int, n: int) -> pd.DataFrame:
    """Settings that are equally good and equally fast but for the third decimal, so that which one is best is luck."""
    scores = [list((generator.random(n) < 0.8).astype(float)) for _ in range(settings)]
    return pd.DataFrame([row for k, one in enumerate(scores, 1) for row in rows_of(f"confidence:k={k}", one, 2 + k / 1000)])


def test_pbx_shows_the_optimism_of_choosing_on_the_same_samples() -> None:
    generator = np.random.default_rng(5)
    found = []
    for _ in range(6):
        frame = noise(generator, 12, 24)
        overall = overall_of(frame)
        (row,) = pbx(rankings(frame, overall, [0.85]), overall).to_dict("records")
        found.append(row)
    reached = [row for row in found if not math.isnan(row["accuracy_optimism"])]
    assert np.mean([row["accuracy_optimism"] for row in reached]) > 0.01
    assert reached and all(row["same_accuracy"] >= 0.85 for row in reached)
    assert all(row["speed_low"] - 1e-9 <= row["speed"] <= row["speed_high"] + 1e-9 for row in reached)


def test_a_bar_that_no_setting_reaches_has_no_pbx() -> None:
    frame = pd.DataFrame(rows_of("confidence:k=2", [1.0, 0.0] * 6, 2.0))
    overall = overall_of(frame)
    low, high = pbx(rankings(frame, overall, [0.3, 0.9]), overall).to_dict("records")
    assert low["speed"] == 2.0 and low["speed_optimism"] == 0.0
    assert math.isnan(high["speed"]) and high["same_decoder"] == "" and math.isnan(high["accuracy_optimism"])


def test_aup_chosen_elsewhere_is_lower_on_noise_and_equal_without() -> None:
    generator = np.random.default_rng(6)
    optimism = []
    for _ in range(4):
        frame = noise(generator, 12, 24)
        (row,) = areas(frame, overall_of(frame), draws=50).to_dict("records")
        assert row["aup_low"] < row["aup_high"]
        optimism.append(row["optimism"])
    assert np.mean(optimism) > 0
    flat = pd.DataFrame([row for k in (1, 2, 4) for row in rows_of(f"confidence:k={k}", [1.0] * 8, k)])
    (row,) = areas(flat, overall_of(flat), draws=50).to_dict("records")
    assert (row["aup"], row["aup_low"], row["same_aup"], row["optimism"]) == (400.0, 400.0, 400.0, 0.0)
