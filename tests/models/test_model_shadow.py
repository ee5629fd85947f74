"""Shadows: a mask that stands in for a token sees all others and not that token; nobody sees the shadow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from native_views import ask, batch_of, masked_forward, rows_of, with_attention

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardBatch, Shadow
from parallelbench.decoding import make_prompt
from parallelbench.models import load_model
from parallelbench.models.native import NativeDenoiser
from parallelbench.tasks import load_task

LENGTHS = (7, 30, 41)
ASKED = ([0, 3, 6], [29, 2], list(range(5, 41)))


@pytest.fixture(scope="module")
def model(random_model: Denoiser) -> NativeDenoiser:
    assert isinstance(random_model, NativeDenoiser) and "shadow" in random_model.info.offers
    return random_model


def test_the_others_do_not_see_it(model: NativeDenoiser) -> None:
    rows = rows_of(model, LENGTHS)
    plain, shadowed = (ask(model, batch_of(rows, ASKED, shadow=shadow)).logits for shadow in (None, "separate"))
    torch.testing.assert_close(plain, shadowed, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["separate", "shared"])
def test_it_is_what_its_mask_says(model: NativeDenoiser, kind: Shadow) -> None:
    """Every row written out: its tokens, then its shadows, under a mask made pair by pair."""
    rows = rows_of(model, LENGTHS)
    found = ask(model, batch_of(rows, ASKED, shadow=kind)).shadow
    assert found is not None
    for row, columns, part in zip(rows, ASKED, found.split([len(columns) for columns in ASKED]), strict=True):
        length, total = len(row), len(row) + len(columns)
        seen = torch.zeros(total, total, dtype=torch.bool)
        seen[:, :length] = True
        for at, column in enumerate(columns):
            seen[length + at, column] = False
            seen[length + at, length + at] = True
            seen[length + at, length:] |= kind == "shared"
        ids = [*row.tolist(), *[model.info.mask_id] * len(columns)]
        expected = masked_forward(model, ids, [*range(length), *columns], seen)[length:]
        torch.testing.assert_close(part, expected, atol=3e-5, rtol=0)
    assert float(found.std()) > 0.1


def test_what_else_is_asked_does_not_matter(model: NativeDenoiser) -> None:
    (row,) = rows_of(model, (41,))
    several = ask(model, batch_of([row], [[4, 5, 6, 30]], shadow="separate")).shadow
    one = ask(model, batch_of([row], [[6]], shadow="separate")).shadow
    assert several is not None and one is not None
    torch.testing.assert_close(several[2:3], one, atol=1e-5, rtol=0)
    shared = ask(model, batch_of([row], [[4, 5, 6, 30]], shadow="shared")).shadow
    assert shared is not None and (shared[2:3] - one).abs().max() > 1e-3


def test_with_one_layer_it_is_leave_one_out(make_checkpoint, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Deeper, the other tokens have read the hidden one in the layers below."""
    shallow = load_model(f"path:{make_checkpoint(tmp_path, layers=1)}")
    assert isinstance(shallow, NativeDenoiser)
    (row,) = rows_of(shallow, (20,))
    found = ask(shallow, batch_of([row], [[3, 11]], shadow="separate")).shadow
    assert found is not None
    for at, column in enumerate((3, 11)):
        hidden = row.copy()
        hidden[column] = shallow.info.mask_id
        expected = ask(shallow, batch_of([hidden], [[column]])).logits
        torch.testing.assert_close(found[at : at + 1], expected, atol=1e-5, rtol=0)


def test_a_model_whose_output_is_shifted_offers_none(model: NativeDenoiser) -> None:
    assert "shadow" not in with_attention(model, shift=1, offers=frozenset()).info.offers


@pytest.mark.parametrize("spec", ["exact", "exact:tokenizer=tiny"])
def test_the_exact_model_leaves_one_out_and_looks_back(spec: str) -> None:
    """A view of a place is the conditional of a canvas in which the same tokens are masked by hand."""
    model = load_model(spec)
    sample = load_task("waiting_line/shuffle:lengths=[3],shots=0").sample(0, 0)
    right = model.codec_for(sample).encode(sample.answer)
    prompt = make_prompt(model, sample, len(right))
    ids, columns = np.array([right, right]), np.arange(len(right))
    ids[1, columns[-2]] = ids[1, columns[0]]
    batch = ForwardBatch(ids, np.array([len(right)] * 2), np.repeat([0, 1], len(right)), np.tile(columns, 2), [prompt] * 2)
    shadow = model.forward(
        ForwardBatch(batch.ids, batch.lengths, batch.rows, batch.columns, batch.prompts, shadow="separate")
    ).shadow
    causal = model.auxiliary().forward(batch).logits
    assert shadow is not None
    for at, (row, column) in enumerate(zip(batch.rows, batch.columns, strict=True)):
        for view, hidden in ((shadow, [column]), (causal, columns[column:])):
            canvas = ids[[row]].copy()
            canvas[0, hidden] = model.info.mask_id
            alone = ForwardBatch(canvas, batch.lengths[:1], np.array([0]), np.array([column]), [prompt])
            torch.testing.assert_close(view[at : at + 1], model.forward(alone).logits)
    assert model.auxiliary().info.attention == "causal"
