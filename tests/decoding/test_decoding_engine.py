"""Batching and accounting: who is in a forward, who pays for it, and what a slot does when its sample is done."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from decoding_fakes import END, MASK, PAD, Fake, certain, generate, noisy, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.contracts.forward import LENGTH_MULTIPLE, padded_length
from parallelbench.decoding import Engine, ForwardRequest, ProgramDecoder, State, load_decoder
from parallelbench.decoding.admission import READ_AHEAD
from parallelbench.decoding.decoder import Run
from parallelbench.schema import Prompt


class Probing(ProgramDecoder):
    """Looks at three variants, verifies at one position, then commits."""

    family: ClassVar[str] = "probing"

    def run(self, state: State) -> Run:
        while state.masked.any():
            branches = np.repeat(state.canvas[None, :], 3, axis=0)
            yield ForwardRequest(branches=branches, role="probe")
            yield ForwardRequest(positions=np.array([0]), role="verify")
            signals = yield ForwardRequest()
            state.write(signals.positions[:2], signals.token[:2], signals.confidence[:2])


@pytest.mark.parametrize("spec", ["threshold:gamma=0.5", "confidence:k=3", "random:steps=2"])
@settings(max_examples=25, deadline=None)
@given(widths=st.lists(st.integers(1, 40), min_size=1, max_size=12), batch_size=st.integers(1, 9))
def test_a_sample_is_in_exactly_the_forwards_it_is_charged_for(spec: str, widths: list[int], batch_size: int) -> None:
    model = Fake(noisy())
    prompts = [prompt(width, index=index) for index, width in enumerate(widths)]
    done = generate(model, prompts, spec, batch_size)
    seen = Counter(asked.sample.index for batch in model.batches for asked in batch.prompts)
    assert seen == {one.prompt.sample.index: sum(one.ledger.nfe.values()) for one in done}
    assert sum(len(batch.ids) for batch in model.batches) == sum(one.ledger.rows for one in done)
    assert sum(int(batch.lengths.sum()) for batch in model.batches) == sum(one.ledger.q_tokens for one in done)
    assert all(len(batch.ids) <= batch_size for batch in model.batches)


def test_a_finished_row_leaves_at_once() -> None:
    model = Fake(noisy())
    prompts = [prompt(width, index=width) for width in (1, 3, 6)]
    generate(model, prompts, "confidence:k=1", 3)
    assert [[asked.sample.index for asked in batch.prompts] for batch in model.batches] == [
        [1, 3, 6], [3, 6], [3, 6], [6], [6], [6]
    ]  # fmt: skip


def test_slots_stay_full_while_samples_wait() -> None:
    def law(asked: Prompt, canvas: object, position: int) -> object:
        return certain([1.0 if position >= asked.sample.index % 5 else 0.2] * 8)(asked, canvas, position)  # type: ignore[arg-type]

    model = Fake(law)  # type: ignore[arg-type]
    prompts = [prompt(8, index=index) for index in range(40)]
    done = generate(model, prompts, "threshold:gamma=0.9", 8)
    assert len({sum(one.ledger.nfe.values()) for one in done}) == 5
    sizes = [len(batch.ids) for batch in model.batches]
    seen: set[int] = set()
    for size, batch in zip(sizes, model.batches, strict=True):
        waiting = 40 - len(seen | {asked.sample.index for asked in batch.prompts})
        assert size == 8 or waiting == 0
        seen |= {asked.sample.index for asked in batch.prompts}
    assert sum(sizes) == sum(one.ledger.rows for one in done)
    fixed = sum(max(sum(one.ledger.nfe.values()) for one in done[at : at + 8]) for at in range(0, 40, 8))
    assert len(sizes) < fixed


def test_prompts_are_read_a_bounded_number_ahead() -> None:
    taken: list[int] = []

    def source() -> object:
        for index in range(90):
            taken.append(index)
            yield prompt(4, index=index)

    engine = Engine(Fake(noisy()), batch_size=2)
    results = engine.generate(source(), load_decoder("all_at_once"))  # type: ignore[arg-type]
    next(results)
    assert len(taken) <= 2 + 2 * READ_AHEAD
    assert len(list(results)) == 89 and taken == list(range(90))


def test_nothing_to_do_is_done_without_a_forward() -> None:
    model = Fake(noisy())
    assert generate(model, [], "one_by_one") == []
    (done,) = generate(model, [prompt([5, 6, END, 4])], "one_by_one")
    assert (done.token_ids, done.text, done.content_tokens) == ((5, 6, END, 4), "5 6", 2)
    assert done.ledger.nfe == {} and done.ledger.history == () and not model.batches


def test_every_forward_is_charged_by_role_with_its_branches() -> None:
    model = Fake(noisy())
    (done,) = generate(model, [prompt(4)], Probing())
    ledger, info, length = done.ledger, model.info, 2 + 4
    assert ledger.nfe == {"probe": 2, "verify": 2, "denoise": 2} and ledger.rows == 3 * 2 + 2 + 2
    assert ledger.q_tokens == 10 * length and ledger.kv_tokens == 10 * length**2
    asked = 3 * (4 + 2) + 2 * 1 + (4 + 2)
    assert ledger.flops == (
        2 * info.active_params * 10 * length
        + 4 * info.hidden_size * info.layers * 10 * length**2
        + 2 * info.head_params * asked
    )
    assert [len(writes) for writes in ledger.history] == [0, 0, 2, 0, 0, 2]


def test_requests_of_different_kinds_share_a_forward() -> None:
    model = Fake(noisy())
    together = generate(model, [prompt(width, index=width) for width in (4, 6, 7)], Probing(), 3)
    assert [len(batch.ids) for batch in model.batches[:3]] == [9, 3, 3]
    for width, done in zip((4, 6, 7), together, strict=True):
        (alone,) = generate(Fake(noisy()), [prompt(width, index=width)], Probing())
        assert (alone.token_ids, alone.ledger) == (done.token_ids, done.ledger)


def test_rows_are_padded_by_their_own_length_alone() -> None:
    model = Fake(noisy())
    prompts = [prompt(4, ids=[3] * length, index=length) for length in (1, 12, 13, 28, 60)]
    generate(model, prompts, "all_at_once")
    assert sorted(batch.ids.shape for batch in model.batches) == [(1, 64), (2, 16), (2, 32)]
    for batch in model.batches:
        assert batch.ids.shape[1] == padded_length(int(batch.lengths.max())) and batch.ids.shape[1] % LENGTH_MULTIPLE == 0
        for row, length in zip(batch.ids, batch.lengths, strict=True):
            assert (row[length:] == PAD).all() and (row[length - 4 : length] == MASK).all()


def test_a_generation_names_its_content_and_its_time() -> None:
    (done,) = generate(Fake(certain([0.9, 0.9, 0.9], token=END)), [prompt([7, MASK, MASK])], "all_at_once")
    assert (done.text, done.content_tokens, done.token_ids) == ("7", 1, (7, END, END))
    assert done.seconds > 0


@pytest.mark.parametrize(
    ("canvas", "first_end", "whole"),
    [
        ([7, END, 8, END], "7", "7 8"),
        ([END, 9], "", "9"),
        ([7, PAD, 8], "7 0 8", "7 8"),
        ([5, 6], "5 6", "5 6"),
        ([END, END], "", ""),
    ],
)
def test_a_canvas_is_read_to_its_first_end_or_as_a_whole(canvas: list[int], first_end: str, whole: str) -> None:
    # fault 5: the reference decodes every ordinary token of the canvas
    for reads, text in (("first_end", first_end), ("canvas", whole)):
        (done,) = generate(Fake(certain([0.9] * len(canvas)), reads=reads), [prompt(canvas)], "all_at_once")
        assert done.text == text and done.token_ids == tuple(canvas)


def test_results_do_not_depend_on_other_decodings_of_the_same_engine() -> None:
    engine, decoder = Engine(Fake(noisy()), 4), load_decoder("random:k=1,temperature=1.0")
    first = [one.token_ids for one in engine.generate([prompt(8)], decoder)]
    assert first == [one.token_ids for one in engine.generate([prompt(8)], decoder)]
    assert first != [one.token_ids for one in engine.generate([prompt(8)], decoder, seed=1)]
