"""The selectors that decide for themselves how many positions a forward commits, against their definitions."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import MASK, VOCABULARY, Fake, certain, generate, noisy, orders, prompt
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parallelbench.decoding import load_decoder
from parallelbench.errors import UserError
from parallelbench.schema import Prompt
from parallelbench.tasks import load_task
from parallelbench.training.background import count_tokens, write_background

LEVELS = st.lists(st.floats(0.15, 0.999).map(lambda c: round(c, 3)), min_size=1, max_size=12, unique=True)


def steps_of(spec: str, confidences: list[float], canvas: list[int] | None = None) -> list[list[int]]:
    """What each forward commits under a law that does not look at the canvas."""
    (done,) = generate(Fake(certain(confidences)), [prompt(canvas or len(confidences))], spec)
    return orders(done)


def entropy(c: float) -> float:
    """Of a distribution with c on one token and the rest shared by nine."""
    return -c * math.log(c) - (1 - c) * math.log((1 - c) / (VOCABULARY - 2))


@settings(max_examples=80, deadline=None)
@given(confidences=LEVELS, gamma=st.floats(0, 6))
def test_the_entropy_bound_holds_and_is_used_up(confidences: list[float], gamma: float) -> None:
    left = sorted(range(len(confidences)), key=lambda at: entropy(confidences[at]))
    expected = []
    while left:
        sums = np.cumsum([entropy(confidences[at]) for at in left])
        lost = sums - np.maximum.accumulate([entropy(confidences[at]) for at in left])
        assume(np.abs(lost[1:] - gamma).min(initial=1.0) > 1e-4)
        size = max(1, int((lost <= gamma).sum()))
        expected.append(left[:size])
        left = left[size:]
    assert [sorted(step) for step in steps_of(f"eb_sampler:gamma={gamma}", confidences)] == [sorted(step) for step in expected]


def test_only_open_positions_enter_the_entropy_bound() -> None:
    doubtful = [0.2] * 4 + [0.99, 0.99]
    canvas = [5, 5, 5, 5, MASK, MASK]
    assert steps_of("eb_sampler:gamma=0.1", doubtful, canvas) == [[4, 5]]


@settings(max_examples=80, deadline=None)
@given(confidences=LEVELS, gamma=st.floats(0.5, 1), relaxed=st.floats(0, 0.5), radius=st.integers(0, 4))
def test_an_anchor_relaxes_its_neighbours(confidences: list[float], gamma: float, relaxed: float, radius: int) -> None:
    assume(all(abs(c - bar) > 1e-4 for c in confidences for bar in (gamma, relaxed)))
    left, expected = set(range(len(confidences))), []
    while left:
        anchors = [at for at in left if confidences[at] >= gamma]
        chosen = {at for at in left if confidences[at] >= relaxed and any(abs(at - anchor) <= radius for anchor in anchors)}
        chosen = chosen or {max(left, key=lambda at: confidences[at])}
        expected.append(sorted(chosen))
        left -= chosen
    spec = f"local_leap:gamma={gamma},relaxed={relaxed},radius={radius}"
    assert [sorted(step) for step in steps_of(spec, confidences)] == expected


@settings(max_examples=80, deadline=None)
@given(confidences=LEVELS, low=st.floats(0, 0.6), gamma=st.floats(0.6, 1), given_at=st.integers(0, 11))
def test_each_run_of_masks_gives_its_best(confidences: list[float], low: float, gamma: float, given_at: int) -> None:
    assume(all(abs(c - bar) > 1e-4 for c in confidences for bar in (gamma, low)))
    canvas = [5 if at == given_at else MASK for at in range(len(confidences))]
    assume(MASK in canvas)
    left, expected = {at for at, token in enumerate(canvas) if token == MASK}, []
    while left:
        runs = [[at] for at in sorted(left) if at - 1 not in left]
        for run in runs:
            while run[-1] + 1 in left:
                run.append(run[-1] + 1)
        best = [max(run, key=lambda at: confidences[at]) for run in runs]
        chosen = {at for at in best if confidences[at] > low} | {at for at in left if confidences[at] > gamma}
        chosen |= {max(left, key=lambda at: confidences[at])}
        expected.append(sorted(chosen))
        left -= chosen
    spec = f"hierarchical:low={low},gamma={gamma}"
    assert [sorted(step) for step in steps_of(spec, confidences, canvas)] == expected


def test_dilated_unmasking_halves_its_spacing() -> None:
    even = [0.5] * 12
    assert steps_of("dus", even[:8]) == [[0, 4], [2, 6], [1, 3, 5, 7]]
    assert steps_of("dus:base=3", even[:9]) == [[0, 3, 6], [1, 2, 4, 5, 7, 8]]
    assert steps_of("dus:block=4", even[:8]) == [[0, 2], [1, 3], [4, 6], [5, 7]]
    assert steps_of("dus", even, [5, MASK, 5, MASK, 5, MASK, 5, MASK]) == [[1, 5], [3, 7]], "a frame does not change the places"
    assert steps_of("dus", even[:1]) == [[0]]


def test_dilated_unmasking_comes_back_to_what_it_skipped() -> None:
    confidences = [0.3, 0.9, 0.9, 0.9, 0.95, 0.2, 0.9, 0.9]
    assert steps_of("dus:skip=0.8", confidences) == [[4], [2, 6], [1, 3, 5, 7], [0]], "the last level skips none"


def test_klass_waits_until_a_distribution_is_stable() -> None:
    assert steps_of("klass:n=2", [0.95] * 6) == [[0], [1], [2, 3, 4, 5]]
    assert steps_of("klass:n=1,k=2", [0.95] * 6) == [[0, 1], [2, 3, 4, 5]]
    assert steps_of("klass:n=2,block=4", [0.95] * 8) == [[0], [1], [2, 3], [4], [5], [6, 7]], "a block begins anew"
    assert steps_of("klass:n=2", [0.95, 0.95, 0.5, 0.6, 0.95]) == [[0], [1], [4], [3], [2]]


def test_klass_resets_what_moves() -> None:
    def moving(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        scores = np.zeros(VOCABULARY)
        token, score = (5, 10.0) if position < 3 else (3 + int((canvas != MASK).sum()), 9.0)
        scores[token] = score
        return scores

    (done,) = generate(Fake(moving), [prompt(6)], "klass:n=1")
    assert orders(done) == [[0], [1, 2], [3], [4], [5]]
    (done,) = generate(Fake(moving), [prompt(6)], "klass:n=1,eps=100.0")
    assert orders(done) == [[0], [1, 2, 3, 4, 5]]


@pytest.mark.parametrize(("alpha", "beta", "power"), [(0.7, 0.8, 0.2), (2.0, 0.5, 1.0), (0.0, 0.8, 0.2)])
def test_credit_grows_with_every_step_on_top(alpha: float, beta: float, power: float) -> None:
    """One position after the other falls until the fused confidence of a lasting 0.6 reaches gamma."""
    credit, fused = 0.0, []
    for _ in range(5):
        credit = beta * credit + 0.6**power
        odds = 0.6 * (1 + credit) ** alpha / 0.4
        fused.append(odds / (1 + odds))
    gamma = fused[2] - 1e-5
    early = next(step for step, confidence in enumerate(fused) if confidence >= gamma)
    steps = steps_of(f"credit:gamma={gamma},alpha={alpha},beta={beta},power={power}", [0.6] * 6)
    assert steps == [[at] for at in range(early)] + [list(range(early, 6))]
    (done,) = generate(Fake(certain([0.6] * 6)), [prompt(6)], f"credit:gamma=1.0,alpha={alpha},beta={beta},power={power}")
    found = [writes[0][2] for writes in done.ledger.history[:5]]
    assert np.allclose(found, fused, atol=1e-6)


def test_credit_begins_anew_with_a_block() -> None:
    (done,) = generate(Fake(certain([0.6] * 6)), [prompt(6)], "credit:gamma=1.0,block=3")
    found = [writes[0][2] for writes in done.ledger.history]
    assert found[:3] == found[3:] and found[0] < found[1] < found[2]


def test_slowfast_fills_the_region_that_it_found() -> None:
    confidences = [0.95, 0.97, 0.5, 0.35, 0.2, 0.1]
    assert steps_of("slowfast:high=0.9,low=0.3", confidences) == [[1, 0], [2], [3], [4], [5]]
    assert steps_of("slowfast:high=0.95,explore=1,low=0.28", [0.2, 0.35, 0.3, 0.27, 0.1]) == [[1], [2], [0], [3], [4]]
    assert steps_of("slowfast:explore=1,low=0.3", [0.2, 0.25, 0.22]) == [[1], [0], [2]], "where nothing is likely, one position"


def test_slowfast_asks_only_for_its_region_in_the_fast_phase() -> None:
    model = Fake(certain([0.5, 0.6, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1]))
    generate(model, [prompt(8)], "slowfast:high=0.9,low=0.3,history=1")
    assert [len(batch.columns) for batch in model.batches][:3] == [8, 2, 1]


def test_dream_commits_at_random_and_counts_idle_steps() -> None:
    done = generate(Fake(noisy()), [prompt(8, index=index) for index in range(300)], "dream_origin:steps=4,eps=0.0", 64)
    first = np.array([len(one.ledger.history[0]) for one in done]) / 8
    assert abs(first.mean() - 0.25) < 4 * (0.25 * 0.75 / (8 * 300)) ** 0.5
    assert any(not writes for one in done for writes in one.ledger.history)
    assert {sum(one.ledger.nfe.values()) for one in done} <= {1, 2, 3, 4}
    late = generate(Fake(noisy()), [prompt(8, index=index) for index in range(300)], "dream_origin:steps=4,eps=0.9", 64)
    assert np.mean([len(one.ledger.history[0]) for one in late]) < 0.5, "with eps near 1 time hardly falls before the last step"


def test_pc_sampler_prefers_early_and_uncommon(tmp_path: Path) -> None:
    assert steps_of("pc_sampler:lam=9.0", [0.3, 0.2, 0.9, 0.5]) == [[0], [1], [2], [3]]
    assert steps_of("pc_sampler:lam=0.0", [0.3, 0.2, 0.9, 0.5]) == [[2], [3], [0], [1]]
    table = tmp_path / "counts.json"
    table.write_text(json.dumps({"counts": {"5": 1000}}))

    def two_tokens(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        scores = np.zeros(VOCABULARY)
        scores[5 if position < 2 else 7] = 6.0 - position
        return scores

    (done,) = generate(Fake(two_tokens), [prompt(4)], f"pc_sampler:lam=0.0,table={table}")
    assert orders(done) == [[2], [3], [0], [1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"), ("[1]", "no table"), ("{", "no table"), ("[" * 100_000, "no table"),
        ('{"counts": {"3": -1}}', "no table"), ('{"counts": {"3": 1e400}}', "no table"), ('{"counts": {"3": 0}}', "no token"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    table = tmp_path / "table.json"
    if text is not None:
        table.write_text(text)
    with pytest.raises(UserError, match=words):
        load_decoder(f"pc_sampler:table={table}")


def test_a_table_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "large.json"
    table.write_text(json.dumps({"counts": {"99": 3}}))
    with pytest.raises(UserError, match="counts token 99, but the model has 11"):
        generate(Fake(noisy()), [prompt(3)], f"pc_sampler:table={table}")


def test_background_counts_the_tokens_of_right_answers(tmp_path: Path) -> None:
    asked = SimpleNamespace(sample=lambda seed, index: SimpleNamespace(answer="3" * index + "4"))
    assert count_tokens(Fake(noisy()), [asked], limit=4, seed=1) == {3: 6, 4: 4}  # type: ignore[list-item]
    with pytest.raises(UserError, match="no tokens that samples share"):
        write_background("exact", ["list_ops/copy"], tmp_path / "none.json")


def test_random_steps_cut_a_block_anywhere() -> None:
    prompts = [prompt(4, index=index) for index in range(600)]
    sizes = [tuple(map(len, orders(done))) for done in generate(Fake(noisy()), prompts, "random_steps:k=2", 64)]
    counts = [sizes.count(pair) for pair in ((1, 3), (2, 2), (3, 1))]
    assert sum(counts) == 600 and sum((count - 200) ** 2 / 200 for count in counts) < 13.82  # chi-square, 2 df, 0.999
    (done,) = generate(Fake(noisy()), [prompt(9)], "random_steps:steps=20")
    assert list(map(len, orders(done))) == [1] * 9


def test_random_steps_without_a_parameter_draw_small_sizes_more_often() -> None:
    prompts = [prompt(4, index=index) for index in range(600)]
    first = [len(orders(done)[0]) for done in generate(Fake(noisy()), prompts, "random_steps", 64)]
    expected = [600 / size / (25 / 12) for size in (1, 2, 3, 4)]
    counts = [first.count(size) for size in (1, 2, 3, 4)]
    assert sum((count - mean) ** 2 / mean for count, mean in zip(counts, expected, strict=True)) < 16.27


def test_a_background_file_is_what_the_decoder_reads(tmp_path: Path, shipped_model: object) -> None:
    path = write_background("tiny", ["waiting_line/copy"], tmp_path / "counts.json", limit=5)
    counts = json.loads(path.read_text())["counts"]
    answers = [load_task("waiting_line/copy").sample(1, index).answer for index in range(5)]
    codec = shipped_model.codec_for(load_task("waiting_line/copy").sample(1, 0))  # type: ignore[attr-defined]
    assert sum(counts.values()) == sum(len(codec.encode(answer)) for answer in answers)
    before = load_decoder(f"pc_sampler:table={path}").spec
    assert before.startswith("pc_sampler:k=1,lam=0.25,alpha=10.0,table=counts.json@")
    path.write_text(json.dumps({"counts": {"3": 7}}))
    assert load_decoder(f"pc_sampler:table={path}").spec != before  # another table is another decoder
