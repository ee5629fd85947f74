"""The circuit that the first weights hold: heads that look beside themselves, heads that pair or find a repetition."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from parallelbench.training.initialise import add_layers
from parallelbench.training.stages import Recipe
from parallelbench.training.tiny import new_model

VOCABULARY, LENGTH, HOLE, OPENING = 300, 60, 54, 4


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    made = new_model(Recipe(), VOCABULARY, OPENING).eval()
    made.set_attn_implementation("eager")
    return made


def rows(count: int, seed: int = 0) -> Tensor:
    """Rows of different tokens."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(VOCABULARY, generator=generator)[:LENGTH] for _ in range(count)])


def attention(model: LlamaForCausalLM, ids: Tensor, layer: int) -> Tensor:
    """Attention of a layer, [rows, heads, queries, keys]."""
    with torch.no_grad():
        out: Tensor = model(input_ids=ids, output_attentions=True, use_cache=False).attentions[layer]
    return out


def test_two_heads_look_at_their_neighbours(model: LlamaForCausalLM) -> None:
    weights = attention(model, rows(8), 0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    left = weights[:, 0].diagonal(offset=-1, dim1=1, dim2=2)
    right = weights[:, 1].diagonal(offset=1, dim1=1, dim2=2)
    assert float(left.min()) > 0.9 and float(right.min()) > 0.9


def test_a_head_tells_the_answer_from_the_prompt(model: LlamaForCausalLM) -> None:
    ids = rows(8)
    ids[ids == OPENING] = VOCABULARY - 1
    ids[:, 30] = OPENING
    on_opening = attention(model, ids, 0)[:, 2, :, 30]
    assert float(on_opening[:, :28].max()) < 0.01 and float(on_opening[:, 36:].min()) > 0.9


def test_with_a_long_reach_prompt_and_answer_are_told_apart_over_long_rows() -> None:
    far = new_model(Recipe(reach=416), VOCABULARY, OPENING).eval()
    far.set_attn_implementation("eager")
    ids = torch.randint(5, VOCABULARY, (4, 416), generator=torch.Generator().manual_seed(0))
    ids[:, 316] = OPENING
    on_opening = attention(far, ids, 0)[:, 2, :, 316]
    assert float(on_opening[:, :310].max()) < 0.02 and float(on_opening[:, 326:].min()) > 0.9


def test_a_head_finds_the_same_token_in_the_answer(model: LlamaForCausalLM) -> None:
    ids = rows(40)
    ids[ids == OPENING] = VOCABULARY - 1
    ids[:, 30] = OPENING
    places = torch.arange(40) % 20 + 2
    ids[torch.arange(40), 45] = ids[torch.arange(40), places]
    weights = attention(model, ids, 1)[torch.arange(40), 2, places]
    own, other = weights[torch.arange(40), places], weights[:, 45]
    assert float((other > own).double().mean()) > 0.75
    assert float(other.mean()) > 0.5


def test_the_other_heads_prefer_nobody(model: LlamaForCausalLM) -> None:
    weights = attention(model, rows(8), 0)[:, 3:]
    for offset in (-1, 1):
        assert float(weights.diagonal(offset=offset, dim1=2, dim2=3).mean()) < 0.2


def paired(count: int) -> tuple[Tensor, list[int]]:
    """Rows in which a mask has the neighbours that another token has, and where the first of these three stands."""
    ids = rows(count)
    places = [2 + row for row in range(count)]
    for row, place in enumerate(places):
        ids[row, HOLE - 1] = ids[row, place]
        ids[row, HOLE] = 1
        ids[row, HOLE + 1] = ids[row, place + 2]
    return ids, places


def test_two_heads_find_the_place_with_the_same_neighbour(model: LlamaForCausalLM) -> None:
    ids, places = paired(40)
    weights = attention(model, ids, 1)[:, :2, HOLE].clone()
    weights[:, :, HOLE] = 0.0  # the position itself has its own neighbours too
    found = weights.argmax(-1) == torch.tensor(places)[:, None] + 1
    assert float(found.double().mean(0).min()) > 0.7  # RoPE's slow pairs still turn a little over the length of a row


def test_a_copied_token_is_read_out_as_itself(model: LlamaForCausalLM) -> None:
    attend, embedding = model.model.layers[1].self_attn, model.model.embed_tokens.weight
    size = model.config.hidden_size // model.config.num_attention_heads
    with torch.no_grad():
        read = torch.nn.functional.rms_norm(embedding, embedding.shape[1:])
        for own in (slice(0, size), slice(size, 2 * size)):
            copied = read @ attend.v_proj.weight[own].T @ attend.o_proj.weight[:, own].T
            assert float(((copied @ embedding.T).argmax(1) == torch.arange(VOCABULARY)).double().mean()) > 0.9


def test_the_weights_follow_from_the_seed() -> None:
    states = [new_model(Recipe(seed=seed), VOCABULARY, OPENING).state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["model.embed_tokens.weight"], states[2]["model.embed_tokens.weight"])


def test_layers_that_are_added_compute_nothing_new(model: LlamaForCausalLM) -> None:
    grown, ids = deepcopy(model), torch.arange(20)[None]
    added = add_layers(grown, 6, seed=0)
    assert len(added) == 2 and grown.config.num_hidden_layers == 6 and not add_layers(grown, 6, seed=0)
    with torch.no_grad():
        assert torch.equal(grown(ids).logits, model(ids).logits)
