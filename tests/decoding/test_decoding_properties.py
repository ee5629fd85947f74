"""What holds for every decoder on every canvas: what is written, what it costs, in which order blocks are filled."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from decoding_fakes import ALL_SETTINGS, MASK, VOCABULARY, Fake, generate, noisy, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import RankingDecoder, load_decoder
from parallelbench.schema import Generation, Ledger, Prompt

TOKENS = st.integers(0, VOCABULARY - 1).filter(lambda token: token != MASK)
FRAMES = st.lists(st.one_of(st.just(MASK), st.just(MASK), TOKENS), min_size=1, max_size=16).filter(lambda c: MASK in c)
PROMPTS = st.lists(st.tuples(FRAMES, st.lists(TOKENS, min_size=1, max_size=20)), min_size=1, max_size=5).map(
    lambda parts: [prompt(canvas, ids, index) for index, (canvas, ids) in enumerate(parts)]
)


def replay(asked: Prompt, ledger: Ledger) -> list[list[int]]:
    """The canvas before each forward and at the end, from the history alone."""
    canvases = [list(asked.canvas)]
    for writes in ledger.history:
        canvas = list(canvases[-1])
        for position, token, _, action in writes:
            assert action == ("remask" if token == MASK else "commit" if canvas[position] == MASK else "edit")
            assert asked.canvas[position] == MASK
            canvas[position] = token
        canvases.append(canvas)
    return canvases


def eligible(canvas: list[int], block: int) -> list[int]:
    """Masks of the first block that has any."""
    first = canvas.index(MASK)
    start = first - first % block
    return [position for position in range(start, min(start + block, len(canvas))) if canvas[position] == MASK]


@pytest.mark.parametrize("spec", ALL_SETTINGS)
@settings(max_examples=5, deadline=None)
@given(prompts=PROMPTS, batch_size=st.integers(1, 6), seed=st.integers(0, 5))
def test_what_every_generation_obeys(spec: str, prompts: list[Prompt], batch_size: int, seed: int) -> None:
    check(spec, prompts, batch_size, seed)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ALL_SETTINGS)
@settings(max_examples=60, deadline=None)
@given(prompts=PROMPTS, batch_size=st.integers(1, 6), seed=st.integers(0, 5))
def test_what_many_generations_obey(spec: str, prompts: list[Prompt], batch_size: int, seed: int) -> None:
    check(spec, prompts, batch_size, seed)


def check(spec: str, prompts: list[Prompt], batch_size: int, seed: int) -> None:
    model, decoder = Fake(noisy()), load_decoder(spec)
    for asked, done in zip(prompts, generate(model, prompts, spec, batch_size, seed), strict=True):
        check_canvas(asked, done)
        if not decoder.revises:
            assert {action for writes in done.ledger.history for *_, action in writes} == {"commit"}
        if isinstance(decoder, RankingDecoder):
            check_ledger(model, asked, done, decoder.block or len(asked.canvas))


def check_canvas(asked: Prompt, done: Generation) -> None:
    assert len(done.token_ids) == len(asked.canvas) and MASK not in done.token_ids
    assert all(given in (MASK, found) for given, found in zip(asked.canvas, done.token_ids, strict=True))
    assert replay(asked, done.ledger)[-1] == list(done.token_ids)
    assert done.ledger.flags == ()


def check_ledger(model: Fake, asked: Prompt, done: Generation, block: int) -> None:
    ledger, length = done.ledger, len(asked.ids) + len(asked.canvas)
    nfe = sum(ledger.nfe.values())
    assert ledger.nfe == {"denoise": nfe} and nfe == len(ledger.history) == ledger.rows <= len(asked.canvas)
    assert ledger.q_tokens == nfe * length and ledger.kv_tokens == nfe * length**2
    heads = 0
    for before, writes in zip(replay(asked, ledger), ledger.history, strict=False):
        free = eligible(before, block)
        heads += len(free)
        assert writes and {position for position, *_ in writes} <= set(free)
    info = model.info
    flops = 2 * info.active_params * nfe * length + 4 * info.hidden_size * info.layers * nfe * length**2
    assert ledger.flops == flops + 2 * info.head_params * heads


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["confidence", "margin", "entropy", "random", "left_to_right"]), canvas=FRAMES,
    k=st.integers(1, 6), block=st.none() | st.integers(1, 8),
)  # fmt: skip
def test_k_commits_a_step(name: str, canvas: list[int], k: int, block: int | None) -> None:
    (done,) = generate(Fake(noisy()), [prompt(canvas)], f"{name}:k={k}" + (f",block={block}" if block else ""))
    size = block or len(canvas)
    expected = []
    for start in range(0, len(canvas), size):
        masks = canvas[start : start + size].count(MASK)
        expected += [k] * (masks // k) + [masks % k] * (masks % k > 0)
    assert [len(step) for step in orders(done)] == expected


@settings(max_examples=100, deadline=None)
@given(canvas=FRAMES, steps=st.integers(1, 20), block=st.none() | st.integers(1, 8))
def test_a_schedule_shares_the_masks_out_evenly(canvas: list[int], steps: int, block: int | None) -> None:
    (done,) = generate(Fake(noisy()), [prompt(canvas)], f"confidence:steps={steps}" + (f",block={block}" if block else ""))
    size = block or len(canvas)
    blocks = [canvas[start : start + size].count(MASK) for start in range(0, len(canvas), size)]
    expected = []
    for number, masks in enumerate(blocks):
        turns = max(1, steps // len(blocks) + (number < steps % len(blocks)))
        shares = [masks // turns + (turn < masks % turns) for turn in range(turns)]
        expected += [share for share in shares if share]
    assert [len(step) for step in orders(done)] == expected and sum(expected) == canvas.count(MASK)
    if min(blocks) * len(blocks) >= steps >= len(blocks):
        assert len(expected) == steps


@pytest.mark.parametrize("spec", ["confidence:k=2", "threshold:gamma=0.2", "all_at_once", "random:k=3"])
def test_blocks_are_filled_from_left_to_right(spec: str) -> None:
    (done,) = generate(Fake(noisy()), [prompt(16)], spec + (",block=4" if ":" in spec else ":block=4"))
    blocks = [[position // 4 for position in step] for step in orders(done)]
    assert all(len(set(step)) == 1 for step in blocks)
    first = [step[0] for step in blocks]
    assert first == sorted(first) and set(first) == {0, 1, 2, 3}
    filled = list(accumulate(len(step) for step in blocks))
    assert {4, 8, 12, 16} <= set(filled)


def test_left_to_right_is_left_to_right_and_one_by_one_is_one_by_one() -> None:
    (done,) = generate(Fake(noisy()), [prompt([MASK, 3, MASK, MASK, MASK])], "left_to_right:k=2")
    assert orders(done) == [[0, 2], [3, 4]]
    for spec in ("one_by_one", "confidence:k=1"):
        (done,) = generate(Fake(noisy()), [prompt(9)], spec)
        assert [len(step) for step in orders(done)] == [1] * 9
    (done,) = generate(Fake(noisy()), [prompt(9)], "all_at_once")
    assert sorted(orders(done)[0]) == list(range(9)) and len(orders(done)) == 1


def test_random_order_is_seeded_by_sample_and_uniform() -> None:
    prompts = [prompt(4, index=index) for index in range(600)]
    first = first_positions(prompts, 64)
    assert first[:100] == first_positions(prompts[:100], 7) != first_positions(prompts[:100], 64, seed=1)
    counts = np.bincount(first, minlength=4)
    assert float(((counts - 150) ** 2 / 150).sum()) < 16.27  # chi-square, 3 degrees of freedom, 0.999


def first_positions(prompts: list[Prompt], batch_size: int, seed: int = 0) -> list[int]:
    """The position that each sample fills first."""
    return [orders(done)[0][0] for done in generate(Fake(noisy()), prompts, "random:k=1", batch_size, seed)]
