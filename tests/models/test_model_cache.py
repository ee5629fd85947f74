"""Caches: equal to the full forward where they must be, measured where they are approximate, charged for what they do."""

from __future__ import annotations

import random
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from native_views import ask, batch_of, masked_forward, rows_of, with_attention

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import CacheRows, Ints
from parallelbench.decoding import Engine, ForwardRequest, ProgramDecoder, Signals, State, load_decoder, make_prompt
from parallelbench.decoding.decoder import Decoder, Run
from parallelbench.models import load_model
from parallelbench.models.native import NativeDenoiser
from parallelbench.schema import Generation, Prompt
from parallelbench.tasks import load_task
from thinned import thinned

CANVAS = 16
BLOCK = 4
NOTHING = np.empty(0, dtype=np.int64)


@pytest.fixture(scope="module")
def model(random_model: Denoiser) -> NativeDenoiser:
    assert isinstance(random_model, NativeDenoiser)
    return random_model


@pytest.fixture(scope="module")
def blockwise(model: NativeDenoiser) -> NativeDenoiser:
    return with_attention(model, attention="block_causal", block=BLOCK)


@pytest.fixture(scope="module")
def prompts(model: NativeDenoiser) -> list[Prompt]:
    tasks = [
        load_task(name) for name in ("waiting_line/shuffle:shots=0", "puzzle/sudoku_n4_12:shots=0", "list_ops/copy:shots=1")
    ]
    made = [make_prompt(model, task.sample(0, index, 0), CANVAS) for task in tasks for index in range(3)]
    pad = model.info.pad_id
    return [Prompt(one.sample, tuple(token for token in one.ids if token != pad), one.canvas, one.text) for one in made]


def decode(model: Denoiser, prompts: list[Prompt], decoder: str | Decoder, cache: str, batch_size: int = 8) -> list[Generation]:
    decoder = load_decoder(decoder) if isinstance(decoder, str) else decoder
    done = list(Engine(model, batch_size, cache=cache).generate(prompts, decoder, seed=1))
    place = {id(one): at for at, one in enumerate(prompts)}
    return sorted(done, key=lambda one: place[id(one.prompt)])


def columns(*parts: int) -> Ints:
    return np.r_[tuple(slice(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True))].astype(np.int64)


@pytest.mark.parametrize("spans", [[(0, 12), (0, 20)], [(0, 12, 20, 31), (0, 20, 24, 40)]], ids=["prefix", "dual"])
def test_right_after_a_refresh_the_rest_is_answered_as_by_a_full_forward(
    model: NativeDenoiser, spans: list[tuple[int, ...]]
) -> None:
    rows = rows_of(model, (31, 40))
    keep = [columns(*span) for span in spans]
    rest = [np.setdiff1d(np.arange(len(row)), kept) for row, kept in zip(rows, keep, strict=True)]
    everywhere = np.tile(np.arange(48), (2, 1))
    full = ask(model, batch_of(rows, rest, cache=CacheRows(everywhere, [], keep)))
    torch.testing.assert_close(full.logits, ask(model, batch_of(rows, rest)).logits, atol=0, rtol=0)
    fed = [row[where] for row, where in zip(rows, rest, strict=True)]
    places = np.array([where[0] for where in rest])[:, None] + np.arange(32)
    again = CacheRows(places, full.kept, [NOTHING] * 2)
    found = ask(model, batch_of(fed, [np.arange(len(one)) for one in fed], width=32, cache=again))
    torch.testing.assert_close(found.logits, full.logits, atol=2e-5, rtol=0)
    alone = CacheRows(places[:1], full.kept[:1], [NOTHING])
    one = ask(model, batch_of(fed[:1], [np.arange(len(fed[0]))], width=32, cache=alone)).logits
    assert spans[0][1] > 16 or torch.equal(one, found.logits[: len(one)])


def test_a_block_causal_row_is_answered_as_under_its_mask(blockwise: NativeDenoiser) -> None:
    (row,) = rows_of(blockwise, (22,))
    at = torch.arange(22) // BLOCK
    expected = masked_forward(blockwise, row.tolist(), range(22), at[None, :] <= at[:, None])
    found = ask(blockwise, batch_of([row], [range(22)])).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("spec", ["confidence:k=3", "threshold:gamma=0.3", "random:k=2,temperature=1.0"])
def test_the_block_cache_changes_no_token_and_saves_queries(
    blockwise: NativeDenoiser, prompts: list[Prompt], spec: str
) -> None:
    without, cached = (decode(blockwise, prompts, spec, cache) for cache in ("none", "block"))
    for full, kept in zip(without, cached, strict=True):
        assert kept.token_ids == full.token_ids
        for one, other in zip(kept.ledger.history, full.ledger.history, strict=True):
            assert [write[:2] for write in one] == [write[:2] for write in other]
            np.testing.assert_allclose([write[2] for write in one], [write[2] for write in other], atol=1e-5)
        blocks = -(-(len(full.prompt.ids) % BLOCK + CANVAS) // BLOCK)
        assert kept.ledger.nfe["kv_store"] == blocks and sum(kept.ledger.nfe.values()) == sum(full.ledger.nfe.values())
        steps = sum(kept.ledger.nfe.values())
        fed = len(full.prompt.ids) + CANVAS + (steps - blocks) * BLOCK
        assert kept.ledger.q_tokens <= fed + blocks * BLOCK and kept.ledger.kv_tokens < full.ledger.kv_tokens
        assert kept.ledger.q_tokens < 0.6 * full.ledger.q_tokens and kept.ledger.flops < 0.6 * full.ledger.flops


@pytest.mark.parametrize("cache", ["prefix", "dual"])
def test_what_is_fed_and_what_it_is_called(model: NativeDenoiser, prompts: list[Prompt], cache: str) -> None:
    (done,) = decode(model, prompts[:1], "confidence:k=2,block=4", cache)
    length, start = len(prompts[0].ids) + CANVAS, len(prompts[0].ids)
    assert done.ledger.nfe == {"refresh": 4, "denoise": 4}
    spans = [length - start - at if cache == "prefix" else 4 for at in (0, 4, 8, 12)]
    assert done.ledger.q_tokens == 4 * length + sum(spans)
    assert done.ledger.kv_tokens == 4 * length**2 + sum(spans) * length
    (whole,) = decode(model, prompts[:1], "confidence:k=2", cache)
    assert whole.ledger.nfe == {"refresh": 1, "denoise": 7} and whole.ledger.q_tokens == length + 7 * CANVAS


@pytest.mark.parametrize("cache", ["prefix", "dual"])
def test_one_forward_a_block_is_as_without_a_cache(model: NativeDenoiser, prompts: list[Prompt], cache: str) -> None:
    spec = "all_at_once:block=4"
    for plain, cached in zip(decode(model, prompts, spec, "none"), decode(model, prompts, spec, cache), strict=True):
        assert (plain.token_ids, plain.ledger.history) == (cached.token_ids, cached.ledger.history)
        assert cached.ledger.nfe == {"refresh": 4}


def test_later_forwards_are_approximate(model: NativeDenoiser, prompts: list[Prompt]) -> None:
    """Kept keys are those of a canvas full of masks; what has been written since does not reach them."""
    spec = "one_by_one"
    plain, prefix, dual = (decode(model, prompts, spec, cache) for cache in ("none", "prefix", "dual"))
    assert any(a.token_ids != b.token_ids for a, b in zip(plain, prefix, strict=True))
    assert [one.token_ids for one in prefix] == [one.token_ids for one in dual]  # one block: nothing follows it
    first = [[done.ledger.history[0] for done in way] for way in (plain, prefix)]
    assert first[0] == first[1]


@pytest.mark.parametrize(
    ("spec", "cache"),
    thinned([("confidence:k=3,block=8", "prefix"), ("threshold:gamma=0.3,block=4", "dual"), ("wino:block=8", "prefix"),
     ("random:k=2,block=8,temperature=1.0", "dual"), ("dapd:block=8", "dual")], 2),
)  # fmt: skip
def test_batch_and_order_change_nothing(model: NativeDenoiser, prompts: list[Prompt], spec: str, cache: str) -> None:
    alone = [(one.token_ids, repr(one.ledger)) for one in decode(model, prompts, spec, cache, 1)]
    for order, batch_size in ((prompts, 9), (random.Random(0).sample(prompts, len(prompts)), 4)):
        found = decode(model, order, spec, cache, batch_size)
        place = {id(one.prompt): (one.token_ids, repr(one.ledger)) for one in found}
        assert [place[id(one)] for one in prompts] == alone


@pytest.mark.parametrize("spec", ["confidence:k=3", "random:k=2,temperature=1.0", "dapd"])
def test_batch_and_order_change_nothing_with_blocks(blockwise: NativeDenoiser, prompts: list[Prompt], spec: str) -> None:
    alone, together = (decode(blockwise, prompts, spec, "block", size) for size in (1, 5))
    assert [(one.token_ids, repr(one.ledger)) for one in alone] == [(one.token_ids, repr(one.ledger)) for one in together]


class Doubting(ProgramDecoder):
    """Fills from the left in blocks, then takes back its first token, asks everywhere, and tries another canvas."""

    family: ClassVar[str] = "doubting"
    seen: ClassVar[list[tuple[Ints, Signals]]] = []

    def run(self, state: State) -> Run:
        for _ in range(3):
            signals = yield ForwardRequest()
            state.write(signals.positions[:2], signals.token[:2])
        signals = yield ForwardRequest()
        state.remask([0])
        state.write([1], [5 + (int(state.canvas[1]) == 5)])
        other = state.canvas.copy()
        other[2] = 7
        yield ForwardRequest(canvas=other, role="probe")
        signals = yield ForwardRequest()
        signals = yield ForwardRequest(positions=np.arange(len(state.canvas)), role="verify")
        self.seen.append((state.canvas.copy(), signals))
        state.write(signals.positions[state.masked], signals.token[state.masked])


def test_what_was_kept_and_has_changed_is_read_again(model: NativeDenoiser, prompts: list[Prompt]) -> None:
    (done,) = decode(model, prompts[:1], Doubting(block=4), "prefix")
    length = len(prompts[0].ids) + CANVAS
    # the first of each block; the block that was gone back to; the one question that reaches before it
    assert done.ledger.nfe == {"refresh": 3, "denoise": 2, "probe": 1, "verify": 1}
    assert done.ledger.q_tokens == 3 * length + (CANVAS + CANVAS - 4) + length + CANVAS
    (dual,) = decode(model, prompts[:1], Doubting(block=4), "dual")
    assert dual.ledger.nfe == {"refresh": 4, "denoise": 2, "probe": 1}
    canvas, signals = Doubting.seen[-1]
    row = np.concatenate([prompts[0].ids, canvas])
    logits = ask(model, batch_of([row], [len(row) - CANVAS + np.arange(CANVAS)], width=len(row))).logits.clone()
    logits[:, model.info.mask_id] = -torch.inf
    expected = torch.softmax(logits, -1).max(-1).values.numpy()
    np.testing.assert_allclose(signals.confidence, expected, atol=1e-5)  # nothing stale was left to see


def test_a_shifted_model_keeps_feeding_the_token_before_the_window(model: NativeDenoiser, prompts: list[Prompt]) -> None:
    shifted = with_attention(model, shift=1)
    blocks = with_attention(model, attention="block_causal", block=BLOCK, shift=1)
    (done,) = decode(shifted, prompts[:1], "confidence:k=2,block=4", "dual")
    assert done.ledger.nfe == {"refresh": 4, "denoise": 4}
    assert done.ledger.q_tokens == 4 * (len(prompts[0].ids) + CANVAS) + 4 * 5
    for full, kept in zip(*(decode(blocks, prompts, "confidence:k=2", cache) for cache in ("none", "block")), strict=True):
        assert full.token_ids == kept.token_ids


def test_halved_precision_is_kept_halved(random_checkpoint: Path) -> None:
    """Rotation in float32 widens queries and keys; what is kept, and what attention gets, is as wide as the weights."""
    half = load_model(f"path:{random_checkpoint},dtype=bfloat16")
    assert isinstance(half, NativeDenoiser)
    rows, keep = rows_of(half, (31,)), [columns(0, 16)]
    full = ask(half, batch_of(rows, [range(16, 31)], cache=CacheRows(np.arange(48)[None], [], keep)))
    assert {part.dtype for layer in full.kept[0].layers for part in layer} == {torch.bfloat16}
    again = CacheRows(np.arange(16, 32)[None], full.kept, [NOTHING])
    found = ask(half, batch_of([rows[0][16:]], [range(15)], width=16, cache=again))
    torch.testing.assert_close(found.logits, full.logits, atol=0.15, rtol=0.05)
