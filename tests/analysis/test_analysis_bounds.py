"""The three lines: their values, what lies above them, and whom a learned model is compared with."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from parallelbench import run
from parallelbench.analysis import frame as tables
from parallelbench.analysis.above import above_exact_model, above_line, tail
from parallelbench.analysis.best_curves import best_curves
from parallelbench.analysis.bounds import after_draw, at, before_draw, reachable
from parallelbench.analysis.split import best_within, ceiling_of, lines_of_cells, split
from parallelbench.theory import TableLaw, best_after_draw, best_policy, law, mean_forwards, shuffle_after_draw

FREE = "list_ops/shuffle:may_stay=true,lengths"


def test_the_line_before_the_draw_of_a_shuffle_that_must_differ_knows_greedy_draws() -> None:
    derangements = {8: 14833, 10: 1334961}
    for n, count in derangements.items():
        assert before_draw("shuffle", n, True)[0] == pytest.approx(count / (n - 1) ** n)


def test_a_law_too_large_to_search_is_certain_only_at_one_forward_for_each_position() -> None:
    assert at(before_draw("latin_square", 5, False), 5) is None and at(before_draw("latin_square", 5, False), 24) is None
    assert at(before_draw("latin_square", 5, False), 25) == 1.0 == at(before_draw("latin_square", 5, False), 99)
    assert before_draw("insert_random", 30, False)[29] is None and before_draw("insert_random", 30, False)[30] == 1.0


@pytest.mark.slow
def test_a_latin_square_of_four_is_certain_before_the_draw_from_six_forwards_on() -> None:
    from parallelbench.theory import optimum

    assert (optimum(law("latin_square", 4)).bounds < 1e-9).tolist() == [number >= 6 for number in range(1, 17)]
    assert before_draw("latin_square", 4, False)[4:7] == (None, 1.0, 1.0)


@pytest.mark.parametrize(
    "shape",
    [
        *(("shuffle", n, differ) for n in (2, 3, 5, 6, 10) for differ in (False, True)),
        *((f"{name}_random", n, False) for name in ("replace", "insert", "remove") for n in (2, 3, 5, 7)),
        ("latin_square", 2, False), ("latin_square", 4, False), ("deterministic", 7, False), ("insert_random", 60, False),
    ],
)  # fmt: skip
def test_looking_first_is_never_worse_and_more_forwards_never_hurt(shape: tuple[str, int, bool]) -> None:
    before, after = before_draw(*shape), after_draw(*shape)
    for forwards, value in enumerate(before, 1):
        assert value is None or value <= (at(after.values, forwards) or 0.0) + 1e-9
    assert all(0.0 <= low <= high + 1e-12 for low, high in itertools.pairwise(after.values)) and after.values[-1] <= 1.0
    assert after.exact == (1 if shape in (("latin_square", 4, False), ("insert_random", 60, False)) else len(after.values))


def test_where_no_value_is_known_one_forward_is_exact_and_the_rest_is_bounded_by_one() -> None:
    line = after_draw("latin_square", 4, False)
    assert line.exact == 1 and line.values == (pytest.approx(576 / 4**16), 1.0)


@pytest.mark.parametrize("differ", [False, True])
def test_long_shuffles_have_a_line_too(differ: bool) -> None:
    values = after_draw("shuffle", 50, differ).values
    assert values[3] == pytest.approx(0.510, abs=1e-3) and values[7] > 0.9999


def test_a_decoder_that_stops_when_it_is_right_is_not_above_what_is_reachable() -> None:
    """The collision rule on 6 items: always right, 2.45 forwards in the mean, though V_2 is .55."""
    values = [shuffle_after_draw(6, t) for t in range(1, 7)]
    finished = np.diff([0.0, *values])
    forwards = np.repeat(np.arange(1, 7), np.round(100_000 * finished).astype(int)).tolist()
    assert np.mean(forwards) == pytest.approx(mean_forwards(6), abs=0.01)
    assert reachable(values, forwards) == pytest.approx(1.0, abs=1e-3)
    assert reachable(values, [2] * 10) == pytest.approx(values[1])
    assert reachable(values, [1] * 5 + [2] * 5) == pytest.approx(min(values[0] + 0.5, values[1]))


def test_the_curves_of_lists_of_several_lengths_bound_every_speed() -> None:
    """Lists of several lengths at one speed: each has its own number of forwards."""
    results = run("exact", f"{FREE}=[3,4,5,6],samples=200", ["random:k=[1,2,3],temperature=1"])
    pooled = best_curves(results.frame)
    rows = [row for row in pooled if row["task"]]
    assert [{**row, "task": rows[0]["task"]} for row in pooled if not row["task"]] == rows, "the mean over one task"
    curves = {line: [(r["tokens_per_step"], r["accuracy"]) for r in rows if r["line"] == line] for line in
              ("before_draw", "after_draw", "anything")}  # fmt: skip
    for curve in curves.values():
        speeds, scores = zip(*curve, strict=True)
        assert list(speeds) == sorted(speeds) and list(scores) == sorted(scores, reverse=True)
        assert (speeds[0], scores[0], speeds[-1]) == pytest.approx((1.0, 1.0, 4.5))
        for row in results.rows:
            assert row.ci95[0] <= np.interp(row.tokens_per_step, speeds, scores)
    for speed in np.linspace(1.0, 4.5, 30):
        low, mid, high = (np.interp(speed, *zip(*curve, strict=True)) for curve in curves.values())
        assert low <= mid + 1e-9 and mid <= high + 1e-9


def test_curves_are_known_by_content_and_by_forwards_too() -> None:
    frame = run("exact", [f"{FREE}=[4],samples=20", "list_ops/copy:lengths=[4]"], "confidence:k=1").frame
    for unit, ends in (("tokens_per_step", (1.0, 4.0)), ("content_tokens_per_forward", (2.25, 9.0)), ("nfe", (4.0, 1.0))):
        rows = best_curves(frame, unit)
        for task, best in (("list_ops/copy", 1.0), ("", 0.5 + 0.5 * 24 / 4**4)):
            curve = [row for row in rows if (row["task"], row["line"]) == (task, "after_draw")]
            assert (curve[0][unit], curve[-1][unit]) == pytest.approx(ends)
            assert (curve[0]["accuracy"], curve[-1]["accuracy"]) == pytest.approx((1.0, best))


def test_items_of_several_tokens_are_easier_than_the_lines_of_one_token_an_item() -> None:
    """Three items of two tokens each, in any order: two draws of each item, or half an item, can be kept."""
    for code, after, before in (([(0, 0), (1, 1), (2, 2)], 0.99640, 2 / 3), ([(0, 0), (0, 1), (1, 0)], 1.0, 0.74074)):
        orders = [sum(order, ()) for order in itertools.permutations(code)]
        tokens = TableLaw(np.array(orders))
        assert best_after_draw(tokens).accuracies[1] == pytest.approx(after, abs=1e-5)
        assert best_policy(tokens).accuracies[1] == pytest.approx(before, abs=1e-5)
    assert best_after_draw(law("shuffle", 3)).accuracies[1] == pytest.approx(17 / 18)
    assert best_policy(law("shuffle", 3)).accuracies[1] == pytest.approx(2 / 3)


def test_the_tail_is_that_of_the_binomial_distribution() -> None:
    assert tail([0.3] * 5, 4) == pytest.approx(5 * 0.3**4 * 0.7 + 0.3**5)
    assert tail([0.0, 1.0, 0.5], 2) == 0.5 and tail([0.2], 0) == 1.0 and tail([], 1) == 0.0


def test_a_joint_draw_is_above_the_line_and_an_independent_one_is_not() -> None:
    decoders = ["matching", "confidence:k=3,ties=random", "random:k=2,temperature=1", "threshold:gamma=0.4,ties=random"]
    results = run("exact", [f"{FREE}=[5,6],samples=60", "list_ops/copy"], decoders, limit=60)
    found = above_line(results.frame)
    assert list(found["decoder"].str.partition(":")[0]) == ["matching"]
    row = found.iloc[0]
    assert (row["forwards"], row["right"], row["n"]) == (1, 60, 60) and row["p"] < 1e-20 and row["expected"] < 2


def test_a_fixed_order_of_ties_is_a_joint_draw() -> None:
    """All slots take the lowest id, so the tie-break decides what is drawn together."""
    first, random = (run("exact", "list_ops/remove_random:lengths=6", f"all_at_once:ties={ties}", limit=20)
                     for ties in ("first", "random"))  # fmt: skip
    assert len(first.rows) == len(random.rows) == 1
    assert above_line(random.frame).empty


def test_the_lines_of_a_cell_are_in_the_summary() -> None:
    results = run("exact", f"{FREE}=6", ["confidence:k=3,ties=random"], limit=4)
    (lines,) = lines_of_cells(results.frame).values()
    assert lines["best_before_draw"] == pytest.approx(0.1389, abs=1e-4)
    assert lines["best_after_draw"] == pytest.approx(0.5510, abs=1e-4) and lines["after_draw_is"] == "value"
    (entry,) = results.summary_json()["results"]
    assert (entry["best_before_draw"], entry["best_after_draw"]) == (lines["best_before_draw"], lines["best_after_draw"])
    assert entry["after_draw_is"] == "value"
    square = run("exact", "puzzle/latin_square_n4", "confidence:k=40", limit=1).summary_json()["results"][0]
    assert (square["best_before_draw"], square["best_after_draw"], square["after_draw_is"]) == (None, 1.0, "bound")
    varying = run("exact", "list_ops/replace_random:lengths=6", "threshold:gamma=0.7,temperature=1", limit=20)
    adaptive = best_within(varying.frame).iloc[0]
    assert adaptive["after_draw_is"] == "bound" and adaptive["best_after_draw"] >= adaptive["best_before_draw"]


def points_of(*models: tuple[str, bool, str]) -> pd.DataFrame:
    return pd.DataFrame([{"model": name, "exact": exact, "tokenizer": tokenizer} for name, exact, tokenizer in models])


def test_a_learned_model_is_compared_with_the_exact_model_of_its_own_tokenizer_only() -> None:  # fault 42
    points = points_of(("exact", True, ""), ("exact:like=a", True, "t1"), ("exact:like=b", True, "t2"), ("m", False, "t1"))
    assert [ceiling_of(points, tokenizer) for tokenizer in ("t1", "t2", "unknown", "")] == [
        "exact:like=a", "exact:like=b", None, "exact",
    ]  # fmt: skip
    assert ceiling_of(points[:0], "t1") is None


def test_a_learned_model_above_its_exact_model_is_found_and_one_at_its_level_is_not() -> None:
    exact = run("exact", f"{FREE}=[4,5],samples=60", ["confidence:k=2,ties=random", "confidence:k=1"], limit=60).frame
    level = exact.assign(model="level", exact=False)
    better = exact.assign(model="better", exact=False, accuracy=1.0)
    worse = exact.assign(model="worse", exact=False, accuracy=0.0)
    frame = pd.concat([exact, level, better, worse], ignore_index=True)
    points = tables.points(frame)
    found = above_exact_model(frame, points)
    assert list(found["model"]) == ["better"] and found["decoder"].iloc[0].startswith("confidence:k=2")
    assert (found["measured"].iloc[0], found["n"].iloc[0]) == (1.0, 60) and found["low"].iloc[0] > 0
    parts = split(frame, points)
    assert np.allclose(parts[["of_draws", "of_decoder", "of_model"]].sum(axis=1), 1 - parts["measured"])
    assert (parts.loc[parts["model"] == "better", "of_model"] <= 0).all()
