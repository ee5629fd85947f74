"""Decoders that behave badly, and what the engine does about each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from decoding_fakes import MASK, VOCABULARY, Fake, generate, noisy, prompt

from parallelbench.decoding import Decoder, ForwardRequest, ProgramDecoder, Signals, State, StepDecoder
from parallelbench.decoding.decoder import Run
from parallelbench.decoding.state import COMMITTED, DecoderFault

WIDTH = 6


class Idle(StepDecoder):
    """Never writes."""

    family: ClassVar[str] = "idle"

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        memory["steps"] = memory.get("steps", 0) + 1


class Penelope(StepDecoder):
    """Takes back at night what it wrote by day."""

    family: ClassVar[str] = "penelope"

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        if state.masked.sum() > 1:
            state.write(signals.positions[0], signals.token[0], signals.confidence[0])
        else:
            state.remask(np.flatnonzero(state.status == COMMITTED))


class Quitter(ProgramDecoder):
    """Writes one token and goes home."""

    family: ClassVar[str] = "quitter"

    def run(self, state: State) -> Run:
        signals = yield ForwardRequest()
        state.write(signals.positions[0], signals.token[0])


class Restless(ProgramDecoder):
    """Goes on editing when everything is written."""

    family: ClassVar[str] = "restless"

    def run(self, state: State) -> Run:
        signals = yield ForwardRequest()
        state.write(signals.positions, signals.token)
        while True:
            signals = yield ForwardRequest(positions=np.arange(len(state.canvas)), role="verify")
            state.write(0, 3 + state.forwards % 2)


def acting(act: Callable[[State, Signals], object], first: Callable[[State], object] | None = None) -> Decoder:
    """A decoder that does one thing after its first forward (or before it)."""

    class Acting(ProgramDecoder):
        family: ClassVar[str] = "acting"

        def run(self, state: State) -> Run:
            if first is not None:
                first(state)
            act(state, (yield ForwardRequest()))

    return Acting()


@pytest.mark.parametrize("decoder", [Idle(), Penelope()], ids=["idle", "penelope"])
def test_a_decoder_that_gets_nowhere_is_capped(decoder: Decoder) -> None:
    canvas = [MASK] * (WIDTH - 1) + [7]
    stuck, other = generate(Fake(noisy()), [prompt(canvas), prompt(canvas, index=1)], decoder)
    for done in (stuck, other):
        assert done.ledger.flags == ("capped",)
        assert done.ledger.nfe == {"denoise": Decoder.forwards_per_token * WIDTH + 1}
        assert len(done.ledger.history) == Decoder.forwards_per_token * WIDTH + 1
        assert MASK not in done.token_ids and done.token_ids[-1] == 7


def test_a_decoder_that_never_ends_is_ended_without_another_forward() -> None:
    (done,) = generate(Fake(noisy()), [prompt(WIDTH)], Restless())
    assert done.ledger.flags == ("capped",) and sum(done.ledger.nfe.values()) == Decoder.forwards_per_token * WIDTH
    actions = [action for writes in done.ledger.history for *_, action in writes]
    assert actions.count("commit") == WIDTH and set(actions[WIDTH:]) == {"edit"}


def test_a_decoder_that_leaves_masks_is_finished_and_flagged() -> None:
    (done,) = generate(Fake(noisy()), [prompt(WIDTH)], Quitter())
    assert done.ledger.flags == ("unfinished",) and done.ledger.nfe == {"denoise": 2}
    assert [len(writes) for writes in done.ledger.history] == [1, WIDTH - 1] and MASK not in done.token_ids


def test_remasks_and_edits_are_named_and_replay_to_the_canvas() -> None:
    class Reviser(ProgramDecoder):
        family: ClassVar[str] = "reviser"

        def run(self, state: State) -> Run:
            signals = yield ForwardRequest()
            state.write([0, 1, 2], [5, 6, 7], 0.5)
            signals = yield ForwardRequest(positions=np.arange(3), role="verify")
            state.remask([1])
            state.remask([1])
            state.write(0, 8)
            state.write(2, 7)
            signals = yield ForwardRequest()
            assert signals.positions.tolist() == [1]
            state.write(1, 4, signals.confidence)

    (done,) = generate(Fake(noisy()), [prompt(3)], Reviser())
    assert done.token_ids == (8, 4, 7) and done.ledger.nfe == {"denoise": 2, "verify": 1}
    assert [[(position, token, action) for position, token, _, action in writes] for writes in done.ledger.history] == [
        [(0, 5, "commit"), (1, 6, "commit"), (2, 7, "commit")],
        [(1, MASK, "remask"), (0, 8, "edit")],
        [(1, 4, "commit")],
    ]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda state, signals: state.write(1, 5), "given by the frame"),
        (lambda state, signals: state.remask([1]), "given by the frame"),
        (lambda state, signals: state.write(-1, 5), "outside the canvas"),
        (lambda state, signals: state.write(WIDTH, 5), "outside the canvas"),
        (lambda state, signals: state.write(0, VOCABULARY), "outside the vocabulary"),
        (lambda state, signals: state.write(0, -1), "outside the vocabulary"),
    ],
)
def test_a_forbidden_write_is_a_fault(act: Callable[[State, Signals], object], words: str) -> None:
    with pytest.raises(DecoderFault, match=words):
        generate(Fake(noisy()), [prompt([MASK, 4, *[MASK] * (WIDTH - 2)])], acting(act))


def test_a_write_needs_a_forward_before_it() -> None:
    with pytest.raises(DecoderFault, match="must follow a forward"):
        generate(Fake(noisy()), [prompt(2)], acting(lambda state, signals: None, first=lambda state: state.write(0, 5)))


@pytest.mark.parametrize("position", [-1, 2])
def test_signals_are_of_the_canvas_only(position: int) -> None:
    class Peeper(ProgramDecoder):
        family: ClassVar[str] = "peeper"

        def run(self, state: State) -> Run:
            yield ForwardRequest(positions=np.array([0, position]))

    with pytest.raises(DecoderFault, match="outside the canvas"):
        generate(Fake(noisy()), [prompt(2)], Peeper())


def test_the_prompt_of_a_row_is_never_written() -> None:
    """A model that answers with the prompt's own ids, and ids that equal the mask, change nothing."""
    model = Fake(noisy())
    asked = prompt(5, ids=(MASK, 3, MASK))
    (done,) = generate(model, [asked], "confidence:k=2")
    assert all(batch.ids[0, :3].tolist() == [MASK, 3, MASK] for batch in model.batches)
    assert sorted(position for writes in done.ledger.history for position, *_ in writes) == list(range(5))


def test_random_numbers_do_not_depend_on_what_else_is_asked() -> None:
    """The draws of a forward follow from its number, whatever was asked before it."""
    seen: list[tuple[int, list[float]]] = []

    def note(state: State, signals: Signals) -> None:
        seen.append((state.forwards, state.uniform([0, 3], 8).tolist()))
        state.write(signals.positions, signals.token)

    for _ in range(2):
        generate(Fake(noisy()), [prompt(4)], acting(note))
    assert seen[0] == seen[1] and seen[0][0] == 0


@pytest.mark.parametrize("length", [4, 5, 6, 7])
def test_steps_are_forwards_wherever_the_prompt_ends(length: int) -> None:
    blocks = Fake(noisy(), attention="block_causal", block=4)
    for steps in (9, 12, 16):
        (done,) = generate(blocks, [prompt(32, (3,) * length)], f"confidence:steps={steps}")
        spare = steps > 9 and length == 7  # two steps for a block of which the prompt leaves one place
        assert sum(done.ledger.nfe.values()) == steps - spare and not done.ledger.flags


@pytest.mark.parametrize(
    "spec",
    [
        "remdm:loops=128", "remdm:loops=32,block=8", "remdm:schedule=cap,steps=256", "dream_origin:steps=256",
        "end_of_text:base=punt:epsilon=0.01", "euler:steps=128", "analytic:steps=200,block=8",
    ],
)  # fmt: skip
def test_what_was_asked_for_is_not_cut_short(spec: str) -> None:
    (done,) = generate(Fake(noisy()), [prompt(32)], spec)
    assert not done.ledger.flags
