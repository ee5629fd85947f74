"""The attention probe: the maps that transformers' eager attention returns, and logits that do not notice it."""

from __future__ import annotations

import pytest
import torch
from native_views import ask, batch_of, rows_of, with_attention
from transformers import LlamaForCausalLM

from parallelbench.contracts.forward import AttentionQuery
from parallelbench.models import load_model
from parallelbench.models.native import NativeDenoiser

LENGTHS = (7, 30, 48)
ASKED = ([0, 3, 6], [29, 2], [5, 6, 7, 47])
QUERIES = (AttentionQuery("all"), AttentionQuery("last30"), AttentionQuery((0, 2)))


@pytest.fixture(scope="module", params=[2, 1], ids=["heads", "grouped"])
def model(request, make_checkpoint, tmp_path_factory) -> NativeDenoiser:  # type: ignore[no-untyped-def]
    folder = make_checkpoint(tmp_path_factory.mktemp("probed"), seed=2, layers=4, kv_heads=request.param, scale=0.3)
    loaded = load_model(f"path:{folder}")
    assert isinstance(loaded, NativeDenoiser)
    return loaded


@pytest.fixture(scope="module")
def eager(model: NativeDenoiser) -> LlamaForCausalLM:
    config = type(model._model.config)(**{**model._model.config.to_dict(), "attn_implementation": "eager"})
    config.is_causal = False
    other = LlamaForCausalLM(config).eval()
    other.load_state_dict(model._model.state_dict())
    return other


@pytest.mark.parametrize("query", QUERIES, ids=["all", "last30", "chosen"])
def test_the_maps_are_those_of_eager_attention(model: NativeDenoiser, eager: LlamaForCausalLM, query: AttentionQuery) -> None:
    rows = rows_of(model, LENGTHS)
    found = ask(model, batch_of(rows, ASKED, attention=query)).attention
    assert found is not None and found.dtype == torch.float32
    layers = query.chosen(4)
    for row, columns, part in zip(rows, ASKED, found.split([len(columns) for columns in ASKED]), strict=True):
        with torch.inference_mode():
            maps = eager(torch.from_numpy(row)[None], output_attentions=True, use_cache=False).attentions
        expected = torch.stack([maps[layer][0].mean(0) for layer in layers]).mean(0)[list(columns)]
        torch.testing.assert_close(part[:, : len(row)], expected, atol=2e-6, rtol=0)
        assert not part[:, len(row) :].any()
        torch.testing.assert_close(part.sum(1), torch.ones(len(columns)))


@pytest.mark.parametrize("kind", ["full", "block_causal"])
def test_logits_do_not_notice_the_probe(model: NativeDenoiser, kind: str) -> None:
    other = with_attention(model, attention=kind, block=8)
    rows = rows_of(model, LENGTHS)
    plain, probed = (ask(other, batch_of(rows, ASKED, attention=query)).logits for query in (None, AttentionQuery("all")))
    assert torch.equal(plain, probed)


def test_nobody_attends_to_a_later_block(model: NativeDenoiser) -> None:
    other = with_attention(model, attention="block_causal", block=8)
    found = ask(other, batch_of(rows_of(model, (30,)), [[0, 9, 29]], attention=AttentionQuery("all"))).attention
    assert found is not None
    assert [int((row > 0).nonzero().max()) for row in found] == [7, 15, 29]


def test_a_row_is_seen_alike_in_any_batch(model: NativeDenoiser) -> None:
    rows = rows_of(model, LENGTHS)
    together = ask(model, batch_of(rows, ASKED, attention=AttentionQuery("all"))).attention
    assert together is not None
    for at, part in enumerate(together.split([len(columns) for columns in ASKED])):
        alone = ask(model, batch_of(rows[at : at + 1], ASKED[at : at + 1], attention=AttentionQuery("all"))).attention
        assert alone is not None and torch.equal(alone[:, : LENGTHS[at]], part[:, : LENGTHS[at]])


@pytest.mark.parametrize(
    ("layers", "count", "chosen"),
    [
        ("last30", 1, (0,)),
        ("last30", 4, (2, 3)),
        ("last30", 32, tuple(range(22, 32))),
        ("last30", 10, (7, 8, 9)),
        ("last_eighth", 32, (28, 29, 30, 31)),
        ("last_eighth", 5, (4,)),
        ("all", 3, (0, 1, 2)),
        ((1,), 3, (1,)),
    ],
)
def test_which_layers(layers: object, count: int, chosen: tuple[int, ...]) -> None:
    assert AttentionQuery(layers).chosen(count) == chosen  # type: ignore[arg-type]
