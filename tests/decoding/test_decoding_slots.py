"""Slots: which sample is taken next, and how many are decoded at once."""

from __future__ import annotations

from collections import Counter

import pytest
from decoding_fakes import Fake, generate, noisy, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.contracts.forward import LENGTH_MULTIPLE, padded_length
from parallelbench.decoding import Engine, load_decoder
from parallelbench.decoding.admission import Waiting, row_length
from parallelbench.decoding.batch_size import MOST, PATIENCE, STEPS, Batching
from parallelbench.schema import Prompt


@given(st.integers(0, 100_000))
def test_padding_is_less_than_a_quarter(length: int) -> None:
    padded = padded_length(length)
    assert padded >= length and padded % LENGTH_MULTIPLE == 0 and padded == padded_length(padded)
    assert padded - length < max(LENGTH_MULTIPLE, length / 4)


def spread(count: int, low: int, high: int) -> list[Prompt]:
    """Prompts of every length from `low` to `high` tokens, in no order."""
    return [prompt(4, (3,) * (low - 4 + 37 * index % (high - low)), index) for index in range(count)]


def test_samples_of_summarization_share_three_forwards_a_step() -> None:  # fault 45
    """64 prompts between 384 and 480 tokens, as those of summarization with two demonstrations are."""
    model = Fake(noisy())
    generate(model, spread(64, 384, 480), "confidence:k=1", 64)
    assert len(model.batches) <= 3 * 4 and sum(len(batch.ids) for batch in model.batches) == 4 * 64


def test_forwards_are_full_where_lengths_differ_widely() -> None:
    model = Fake(noisy())
    generate(model, spread(400, 20, 300), "confidence:k=2", 16)
    sizes = [len(batch.ids) for batch in model.batches]
    assert sum(sizes) == 800 and len(sizes) <= 1.5 * 800 / 16


@settings(max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(1, 400), max_size=60), slots=st.integers(1, 9))
def test_every_prompt_is_taken_once_and_in_order_within_its_length(lengths: list[int], slots: int) -> None:
    prompts = [prompt(1, (3,) * length, index) for index, length in enumerate(lengths)]
    waiting = Waiting(prompts)
    taken = []
    while (one := waiting.take(Counter(), slots)) is not None:
        taken.append(one)
    assert sorted(one.sample.index for one in taken) == list(range(len(lengths)))
    for length in {row_length(one) for one in taken}:
        ordered = [one.sample.index for one in taken if row_length(one) == length]
        assert ordered == sorted(ordered)


def settled(cost: dict[int, float], noise: tuple[float, ...] = (1.0, 1.3, 1.05, 2.0, 1.1, 1.2)) -> int:
    """The number at which `auto` stays where a token costs `cost[n]` with n samples, more or less disturbed."""
    batching = Batching("auto", Fake(noisy()).info)
    for step in range(400):
        size = batching.size
        rows = batching.part(size)
        price = cost.get(rows, cost[max(cost)]) * noise[step % len(noise)]
        batching.step_done(size, 100 * size, 100 * size * price)
    return batching.size


@pytest.mark.parametrize(
    ("cost", "best"),
    [
        ({8: 1.0, 16: 1.1, 32: 1.4}, 8),  # a CPU: more rows only leave its caches
        ({8: 1.0, 16: 0.8, 32: 0.78, 64: 0.9}, 16),  # the last gain is below 3 %
        ({n: 1 / n for n in (8, 16, 32, 64, 128, 256, 512)}, MOST),  # the price of a forward does not depend on its rows
        ({8: 1.0, 16: 0.5, 32: 0.25, 64: 0.125, 128: 0.125}, 64),
    ],
)
def test_auto_doubles_while_it_pays(cost: dict[int, float], best: int) -> None:
    assert settled(cost) == best


def test_a_machine_that_slows_down_is_no_reason_for_another_number() -> None:
    slower = tuple(1.0 if step < 25 else 1.4 for step in range(400))
    assert settled({8: 1.0, 16: 0.8, 32: 0.6, 64: 0.59}, slower) == 32
    faster = tuple(1.4 if step < 25 else 1.0 for step in range(400))
    assert settled({8: 1.0, 16: 0.8, 32: 0.79, 64: 0.8}, faster) == 16


def test_auto_takes_no_note_of_steps_with_free_slots() -> None:
    batching = Batching("auto", Fake(noisy()).info)
    for _ in range(10 * STEPS):
        batching.step_done(batching.size - 1, 100, 1e-3)
    assert batching.size == 16


def test_auto_bounds_the_memory_of_logits() -> None:
    assert Batching("auto", Fake(noisy(), vocab_size=1 << 20).info, 1 << 10).size == 1


def test_a_number_is_kept() -> None:
    batching = Batching(5, Fake(noisy()).info)
    for _ in range(50):
        batching.step_done(5, 100, 1e-3)
    assert batching.size == 5


def test_memory_that_comes_back_is_used_again(capsys: pytest.CaptureFixture[str]) -> None:
    batching = Batching(16, Fake(noisy()).info)
    batching.did_not_fit(16)
    assert batching.size == 8
    for _ in range(PATIENCE):
        batching.step_done(8, 100, 1.0)
    assert batching.size == 16
    batching.did_not_fit(16)
    waited = 0
    while batching.size == 8:
        batching.step_done(8, 100, 1.0)
        waited += 1
    assert waited > PATIENCE  # every failure makes it wait longer
    assert capsys.readouterr().err.count("out of memory with 16 samples, going on with 8 at once") == 2


@pytest.mark.parametrize("size", ["auto", 1, 3])
def test_whatever_the_number_the_results_are_the_same(size: object) -> None:
    prompts = spread(40, 10, 60)

    def results(batch_size: object) -> list[object]:
        engine = Engine(Fake(noisy()), batch_size)  # type: ignore[arg-type]
        made = {one.prompt.sample.index: one for one in engine.generate(prompts, load_decoder("confidence:k=2"))}
        return [(made[index].token_ids, made[index].ledger) for index in range(40)]

    assert results(size) == results(40)
