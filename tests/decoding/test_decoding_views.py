"""What a forward may see beyond its logits: attention maps, shadows, an auxiliary model; and requests of all kinds at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from decoding_fakes import MASK, PAD, VOCABULARY, Fake, certain, generate, noisy, prompt
from test_decoding_signals import look, softmax

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import AttentionQuery
from parallelbench.decoding import (
    Engine,
    ForwardRequest,
    ProgramDecoder,
    State,
    caution,
    check_auxiliary,
    check_compatibility,
    load_decoder,
)
from parallelbench.decoding.decoder import Run
from parallelbench.decoding.state import DecoderFault
from parallelbench.errors import UserError
from parallelbench.models.native import NativeDenoiser

QUERY = AttentionQuery("all")


class Curious(ProgramDecoder):
    """Asks for everything there is, in an order of its own, and commits what the answers sum up to."""

    family: ClassVar[str] = "curious"

    def run(self, state: State) -> Run:
        while state.masked.any():
            positions = np.arange(len(state.canvas))
            requests = [
                ForwardRequest(positions=positions, attention=QUERY),
                ForwardRequest(positions=positions, shadow="separate", role="verify"),
                ForwardRequest(positions=positions, shadow="shared"),
                ForwardRequest(positions=positions, prompt=True, attention=QUERY),
                ForwardRequest(model="aux", positions=positions),
                ForwardRequest(branches=np.stack([state.canvas] * 2), attention=AttentionQuery((1,)), role="probe"),
            ]
            seen = 0.0
            for at in range(len(requests)):
                signals = yield requests[(at + len(state.prompt)) % len(requests)]
                parts = [signals.confidence, signals.attention, signals.shadow_p]
                seen += sum(float(np.sum(part, dtype=np.float64)) for part in parts if part is not None)
            signals = yield ForwardRequest()
            state.write(signals.positions[: 1 + int(seen * 1e4) % 3], signals.token[: 1 + int(seen * 1e4) % 3], seen)


def test_attention_is_of_the_canvas_alone() -> None:
    asked = prompt([MASK, 5, MASK, 7], ids=(3, 4, 8))
    signals = look(Fake(noisy()), asked, ForwardRequest(attention=QUERY))
    distance = np.arange(16) - np.array([3, 5])[:, None]
    scores = np.where(distance < 0, 2, 1) / (1.0 + abs(distance))
    whole = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert signals.attention.shape == (2, 4) and signals.attention.dtype == np.float32
    np.testing.assert_allclose(signals.attention, whole[:, 3:7], rtol=1e-5)


def test_a_shadow_is_the_probability_of_what_stands_without_it() -> None:
    canvas = [5, MASK, 7, 9]
    law, asked, everywhere = noisy(), prompt(4), ForwardRequest(canvas=np.array(canvas), positions=np.arange(4))
    signals = look(Fake(law), asked, replace(everywhere, shadow="separate"))
    for position, token in enumerate(canvas):
        hidden = np.array(canvas)
        hidden[position] = MASK
        expected = 0.0 if token == MASK else softmax(law(asked, hidden, position))[token]
        assert signals.shadow_p[position] == pytest.approx(expected, rel=1e-5)
    plain = look(Fake(law), asked, everywhere)
    assert plain.shadow_p is None and plain.attention is None
    np.testing.assert_array_equal(plain.confidence, signals.confidence)


def test_the_prompt_is_seen_where_it_is_wanted() -> None:
    law, asked = noisy(), prompt(3, ids=(3, 4, 6))
    everywhere = ForwardRequest(positions=np.arange(3), attention=QUERY)
    canvas, whole = (look(Fake(law), asked, replace(everywhere, prompt=wanted)) for wanted in (False, True))
    assert whole.positions.tolist() == [-3, -2, -1, 0, 1, 2] and whole.attention.shape == (6, 6)
    np.testing.assert_array_equal(whole.confidence[3:], canvas.confidence)
    np.testing.assert_array_equal(whole.attention[3:, 3:], canvas.attention)
    assert whole.confidence[1] == pytest.approx(softmax(law(asked, np.array([MASK] * 3), -2)).max(), rel=1e-5)
    with pytest.raises(DecoderFault, match="position -1"):
        look(Fake(law), asked, ForwardRequest(positions=np.array([-1])))


def test_branches_have_their_own_views() -> None:
    branches = np.array([[MASK, 5, MASK], [6, 5, MASK]])
    signals = look(
        Fake(noisy()),
        prompt(3),
        ForwardRequest(branches=branches, positions=np.array([0, 1]), shadow="separate", attention=QUERY),
    )
    assert signals.attention.shape == (2, 2, 3) and signals.shadow_p.shape == (2, 2)
    assert signals.shadow_p[0, 0] == 0 and signals.shadow_p[1, 0] > 0


def test_the_auxiliary_model_answers_and_is_charged_apart() -> None:
    class Second(ProgramDecoder):
        family: ClassVar[str] = "second"
        needs: ClassVar[frozenset[str]] = frozenset({"aux"})

        def run(self, state: State) -> Run:
            main = yield ForwardRequest()
            other = yield ForwardRequest(model="aux", extras=frozenset({"logits"}))
            assert other.logits is not None and other.logits.shape == (3, VOCABULARY)
            assert torch.isneginf(other.logits[:, 9:]).all()
            state.write(main.positions, other.token, main.confidence)

    model = Numbered(certain([0.9] * 3, token=5))
    aux = Numbered(lambda asked, canvas, position: np.eye(9)[6] * 4, vocab_size=9, active_params=1000, head_params=0)
    (done,) = Engine(model, aux=aux).generate([prompt(3)], Second())
    assert done.token_ids == (6, 6, 6) and done.ledger.nfe == {"denoise": 1, "aux": 1} and len(aux.batches) == 1
    (alone,) = generate(model, [prompt(3)], "all_at_once")
    assert done.ledger.flops > alone.ledger.flops + 2 * 1000 * 5


class Numbered(Fake):
    """Has a vocabulary: its ids."""

    def vocabulary(self) -> dict[str, int]:
        return {str(token): token for token in range(self.info.vocab_size)}


def test_without_an_auxiliary_model_none_is_asked() -> None:
    class Lonely(ProgramDecoder):
        family: ClassVar[str] = "lonely"

        def run(self, state: State) -> Run:
            yield ForwardRequest(model="aux")

    with pytest.raises(DecoderFault, match="there is none"):
        generate(Fake(noisy()), [prompt(3)], Lonely())


def test_requests_of_every_kind_at_once_are_answered_as_alone(random_model: Denoiser) -> None:
    info = random_model.info
    rng = np.random.default_rng(0)
    prompts = [
        prompt([info.mask_id] * (5 + index % 7), ids=rng.integers(3, info.vocab_size, 4 + index % 9).tolist(), index=index)
        for index in range(12)
    ]

    def decoded(order: Sequence[int], batch_size: int) -> dict[int, object]:
        engine = Engine(random_model, batch_size, aux=random_model)
        done = engine.generate([prompts[at] for at in order], Curious(), seed=2)
        return {one.prompt.sample.index: (one.token_ids, one.ledger) for one in done}

    alone, order = decoded(range(12), 1), rng.permutation(12).tolist()
    assert all(decoded(order, size) == alone for size in (1, 5, 64))


def test_shadows_are_charged(random_model: Denoiser) -> None:
    assert isinstance(random_model, NativeDenoiser)
    width, mask = 8, random_model.info.mask_id
    (plain,) = generate(random_model, [prompt([mask] * width)], "all_at_once")
    assert (plain.ledger.q_tokens, plain.ledger.kv_tokens) == (10, 100)
    (shadowed,) = generate(random_model, [prompt([mask] * width)], "wino:gamma=0.0")
    first = shadowed.ledger.nfe["denoise"]
    assert shadowed.ledger.q_tokens == first * (10 + width) and shadowed.ledger.kv_tokens == first * (100 + width * 10)
    (shared,) = generate(random_model, [prompt([mask] * width)], "wino:gamma=0.0,compat=authors")
    first = shared.ledger.nfe["denoise"]
    assert shared.ledger.kv_tokens == first * (100 + width * (10 + width - 1))


@pytest.mark.parametrize(
    ("spec", "words"),
    [("apd", "name one with --aux"), ("dapd", "needs attention"), ("wino", "needs shadow")],
)
def test_what_is_not_there_is_refused_before_anything_runs(spec: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        check_compatibility(Fake(noisy()).info, load_decoder(spec), 8)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    offers = frozenset({"attention", "shadow"})
    check_compatibility(Fake(noisy(), offers=offers).info, load_decoder(spec), 8, aux=True)


def test_editing_without_training_is_a_caution_not_a_refusal() -> None:
    decoder = load_decoder("joint_edit")
    check_compatibility(Fake(noisy()).info, decoder, 8)
    assert "was not trained to correct" in str(caution(Fake(noisy()).info, decoder))
    assert caution(Fake(noisy(), offers=frozenset({"edit"})).info, decoder) is None
    assert caution(Fake(noisy()).info, load_decoder("confidence")) is None


class Speaking(Fake):
    """A fake with a vocabulary."""

    def __init__(self, tokens: str, **info: object) -> None:
        super().__init__(noisy(), vocab_size=len(tokens), **info)
        self._tokens = {text: at for at, text in enumerate(tokens)}

    def vocabulary(self) -> dict[str, int]:
        return self._tokens


@pytest.mark.parametrize(
    ("main", "aux", "words"),
    [
        (Speaking("#?abc"), Speaking("#?aXc"), "token 3 is 'b' for fake and 'X' for fake"),
        (Speaking("#?abc"), Fake(noisy()), "fake has 5 tokens and fake 11"),
        (Fake(noisy()), Fake(noisy(), mask_id=PAD), "the mask is token 1 for fake and 0 for fake"),
    ],
)
def test_an_auxiliary_model_of_another_vocabulary_is_refused(main: Fake, aux: Fake, words: str) -> None:
    with pytest.raises(UserError) as caught:
        Engine(main, aux=aux)
    assert words in str(caught.value) and str(caught.value).endswith("; an auxiliary model needs the same tokenizer.")


def test_special_tokens_at_the_end_may_differ() -> None:
    check_auxiliary(Speaking("#?abc"), Speaking("#?ab", attention="causal", mask_id=0))
    check_auxiliary(Speaking("#?abc"), Speaking("#?abcd"))


@pytest.mark.parametrize(
    ("info", "cache", "words"),
    [
        ({}, "prefix", "no keys and values"),
        ({"offers": frozenset({"cache"})}, "block", "use prefix or dual"),
        ({"offers": frozenset({"cache"}), "attention": "block_causal", "block": 4}, "dual", "use block"),
    ],
)
def test_a_cache_that_does_not_fit_is_refused(info: dict[str, object], cache: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Engine(Fake(noisy(), **info), cache=cache)  # type: ignore[arg-type]
