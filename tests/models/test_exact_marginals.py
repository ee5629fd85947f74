"""The exact model's marginals are Bayes' rule, on the support and off it, alone and in any batch."""

from __future__ import annotations

import numpy as np
import pytest
from exact_oracles import forward, posterior, tokenised
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from parallelbench.decoding import make_prompt
from parallelbench.models.exact import Exact
from parallelbench.models.exact_items import ItemScheme
from parallelbench.models.exact_tokens import TokenScheme
from parallelbench.tasks import load_task
from parallelbench.tasks.lists import OPERATIONS

EPSILON = 0.02
WIDTH = 14


def digits_tokenizer() -> Tokenizer:
    """Two characters of text a token at most, so that a three-digit number takes two tokens, and format is shared."""
    pieces = [f"{number:02}" for number in range(100)] + list('0123456789[]", ')
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token=" "))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\d\d|[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


ITEMS = Exact(ItemScheme(24), EPSILON)
TOKENS = Exact(TokenScheme(digits_tokenizer(), EPSILON), EPSILON)


@st.composite
def contexts(draw, strings, info, width):
    """A right answer with any positions masked and any others overwritten by any token: mostly no right answer agrees."""
    row = np.array(strings[draw(st.integers(0, len(strings) - 1))])
    masked = draw(st.lists(st.booleans(), min_size=width, max_size=width))
    wrong = draw(st.dictionaries(st.integers(0, width - 1), st.integers(0, info.vocab_size - 1), max_size=3))
    row[masked] = info.mask_id
    row[list(wrong)] = list(wrong.values())
    return row


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_items_have_the_marginals_of_the_nearest_answers(operation: str, data: st.DataObject) -> None:
    stays = operation == "shuffle" and data.draw(st.booleans())
    sample = load_task(f"list_ops/{operation}:lengths=[4]{',may_stay=true' * stays}").sample(0, 0, 0)
    prompt = make_prompt(ITEMS, sample, WIDTH)
    strings = tokenised(ITEMS, sample, WIDTH)
    canvas = data.draw(contexts(strings, ITEMS.info, WIDTH))
    found = forward(ITEMS, [prompt], canvas[None])[0]
    expected = posterior(strings, canvas, ITEMS.info.mask_id, ITEMS.info.vocab_size, EPSILON, limit=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("operation", ["copy", "shuffle", "replace_random", "insert_random", "remove_random"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_tokens_have_the_posterior_under_noise(operation: str, data: st.DataObject) -> None:
    sample = load_task(f"list_ops/{operation}:items=numbers,lengths=[3]").sample(data.draw(st.integers(0, 3)), 0, 0)
    width = 26
    strings = tokenised(TOKENS, sample, width)
    canvas = data.draw(contexts(strings, TOKENS.info, width))
    found = forward(TOKENS, [make_prompt(TOKENS, sample, width)], canvas[None])[0]
    expected = posterior(strings, canvas, TOKENS.info.mask_id, TOKENS.info.vocab_size, EPSILON, limit=False)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("model", "options", "width"), [(ITEMS, "lengths=[3,4]", WIDTH), (TOKENS, "items=numbers,lengths=[2,3]", 26)]
)
def test_a_row_has_the_same_logits_alone_and_among_others(model: Exact, options: str, width: int) -> None:
    rng = np.random.default_rng(0)
    samples = [load_task(f"list_ops/{name}:{options}").sample(0, index, 0) for name in OPERATIONS for index in (0, 1)]
    prompts = [make_prompt(model, sample, width) for sample in samples]
    canvases = np.array([tokenised(model, sample, width)[0] for sample in samples])
    canvases[rng.random(canvases.shape) < 0.6] = model.info.mask_id
    together = forward(model, prompts, canvases)
    order = rng.permutation(len(prompts))
    np.testing.assert_array_equal(forward(model, [prompts[i] for i in order], canvases[order]), together[order])
    for i, prompt in enumerate(prompts):
        np.testing.assert_array_equal(forward(model, [prompt], canvases[i : i + 1])[0], together[i])


@pytest.mark.parametrize("model", [ITEMS, TOKENS])
def test_samples_of_one_id_under_other_options_are_kept_apart(model: Exact) -> None:
    """A task's options are no part of its samples' ids, and one model serves many tasks."""
    for length in (2, 3, 2):
        sample = load_task(f"list_ops/copy:items=numbers,lengths=[{length}]").sample(0, 0, 0)
        prompt = make_prompt(model, sample, 26)
        canvas = np.full((1, 26), model.info.mask_id)
        best = forward(model, [prompt], canvas)[0].argmax(axis=1)
        assert model.codec_for(sample).decode([t for t in best.tolist() if t not in model.info.end_ids]) == sample.answer
