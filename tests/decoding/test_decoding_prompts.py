"""The canvas that a sample gets."""

from __future__ import annotations

import pytest
from decoding_fakes import Fake, generate, noisy
from hypothesis import given
from hypothesis import strategies as st

from parallelbench.decoding import make_prompt
from parallelbench.schema import Sample, Turn


def sample(length: int) -> Sample:
    return Sample("fake", 1, 0, 0, (Turn("user", "3" * length),), "5", {})


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 9))
def test_a_block_causal_canvas_ends_with_a_block(length: int, wanted: int, block: int) -> None:  # fault 6
    made = make_prompt(Fake(noisy(), attention="block_causal", block=block), sample(length), wanted)
    whole = len(made.ids) + len(made.canvas)
    assert whole % block == 0 and wanted <= len(made.canvas) < wanted + block


def test_the_published_example_of_a_block_that_is_completed() -> None:  # fault 6
    model = Fake(noisy(), attention="block_causal", block=4)
    made = make_prompt(model, sample(19), 32)
    (done,) = generate(model, [made], "one_by_one")
    assert len(done.token_ids) == 33 and {len(batch.ids[0, : batch.lengths[0]]) for batch in model.batches} == {52}


@pytest.mark.parametrize("attention", ["full", "causal"])
def test_other_canvases_are_as_long_as_was_said(attention: str) -> None:
    assert len(make_prompt(Fake(noisy(), attention=attention), sample(19), 32).canvas) == 32
