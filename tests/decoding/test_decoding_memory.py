"""A forward that does not fit into memory is tried in halves, and what comes out is the same."""

from __future__ import annotations

import pytest
import torch
from decoding_fakes import Fake, generate, noisy, prompt

from parallelbench.contracts.forward import ForwardBatch, ForwardOutput
from parallelbench.decoding import Engine, load_decoder
from parallelbench.errors import UserError


class Small(Fake):
    """Holds so many rows."""

    def __init__(self, room: int) -> None:
        super().__init__(noisy())
        self.room = room
        self.refused = 0

    def forward(self, batch: ForwardBatch) -> ForwardOutput:
        if len(batch.ids) > self.room:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().forward(batch)


@pytest.mark.parametrize("room", [1, 3, 5, 8])
def test_the_batch_is_halved_said_once_and_changes_nothing(room: int, capsys: pytest.CaptureFixture[str]) -> None:
    prompts = [prompt(4 + index % 3, index=index) for index in range(20)]
    model = Small(room)
    found = generate(model, prompts, "confidence:k=2", 16)
    expected = generate(Fake(noisy()), prompts, "confidence:k=2", 16)
    assert [(one.token_ids, one.ledger) for one in found] == [(one.token_ids, one.ledger) for one in expected]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == model.refused and said[0] == "note: out of memory with 16 samples, going on with 8 at once"
    assert max(len(batch.ids) for batch in model.batches) <= room
    assert model.refused <= 4  # every later batch is small from the start


def test_a_single_sample_that_does_not_fit_is_one_sentence() -> None:
    with pytest.raises(UserError, match="does not fit into the memory of cpu by itself") as caught:
        list(Engine(Small(0), 4).generate([prompt(4, index=index) for index in range(3)], load_decoder("one_by_one")))
    assert "\n" not in str(caught.value) and "max_new_tokens" in str(caught.value)


def test_other_errors_are_loud() -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        generate(Fake(broken), [prompt(4)], "one_by_one")  # type: ignore[arg-type]
