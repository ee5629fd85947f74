"""The language of decoders, and pairs that are refused before anything runs."""

from __future__ import annotations

from typing import ClassVar

import pytest
from decoding_fakes import ALL_SETTINGS, MASK, Fake, generate, noisy, orders, prompt

from parallelbench.contracts.info import Need
from parallelbench.decoding import DECODERS, RankingDecoder, State, check_compatibility, load_decoder, load_decoders
from parallelbench.decoding.decoder import COMMON
from parallelbench.decoding.quota import Fixed, Quota
from parallelbench.decoding.signals import Signals
from parallelbench.errors import UserError


class Attentive(RankingDecoder):
    family: ClassVar[str] = "attentive"
    needs: ClassVar[frozenset[Need]] = frozenset({"attention", "shadow"})

    def score(self, signals: Signals, state: State) -> object:  # type: ignore[override]
        return signals.confidence

    def quota(self) -> Quota:
        return Fixed(1)


@pytest.mark.parametrize("spec", ALL_SETTINGS)
def test_a_resolved_decoder_reads_back_as_itself(spec: str) -> None:
    decoder = load_decoder(spec)
    assert load_decoder(decoder.spec) == decoder and load_decoder(decoder.spec).spec == decoder.spec


@pytest.mark.parametrize("name", DECODERS.names())
def test_every_decoder_runs_with_its_defaults_and_is_named_in_full(name: str) -> None:
    decoder = load_decoder(name)
    assert decoder.family == name
    own = set(type(decoder).model_fields) - {*COMMON, "transfer"}  # even is not said
    assert all(f"{key}=" in decoder.spec for key in own if getattr(decoder, key) is not None)
    (done,) = generate(Fake(noisy()), [prompt(5)], decoder)
    assert MASK not in done.token_ids


def test_defaults_are_resolved() -> None:
    assert load_decoder("confidence").spec == "confidence:k=1"
    assert load_decoder("confidence:steps=4").spec == "confidence:steps=4"
    assert load_decoder("threshold").spec == "threshold:gamma=0.9"
    assert load_decoder("factor:f=2,block=8,temperature=0").spec == "factor:f=2.0,block=8"
    assert load_decoder("one_by_one").spec == "one_by_one"


def test_a_list_makes_a_grid() -> None:
    specs = [decoder.spec for decoder in load_decoders("confidence:k=[1,2],block=[4,8]")]
    assert specs == ["confidence:k=1,block=4", "confidence:k=1,block=8", "confidence:k=2,block=4", "confidence:k=2,block=8"]
    assert [decoder.spec for decoder in load_decoders("random:k=[3]")] == ["random:k=3"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("confidnce", "did you mean 'confidence'"),
        ("confidence:gamma=1", "has no key 'gamma'"),
        ("confidence:k=0", "greater than or equal to 1"),
        ("confidence:k=2,steps=3", "give one of them"),
        ("confidence:k", "not key=value"),
        ("threshold:gamma=1.5", "less than or equal to 1"),
        ("threshold:gamma=.nan", "gamma"),
        ("factor:f=-1", "greater than or equal to 0"),
        ("random:temperature=-1", "greater than or equal to 0"),
        ("random:top_p=0", "greater than 0"),
        ("random:ties=never", "'first' or 'random'"),
        ("random:block=0", "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_one_sentence(spec: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        load_decoders(spec)
    message = str(caught.value)
    assert words in message and "\n" not in message and message.endswith((".", "?"))


def test_one_decoder_is_one() -> None:
    with pytest.raises(UserError, match="names 2 decoders"):
        load_decoder("confidence:k=[1,2]")


def one_sentence(spec: str, canvas: int, **info: object) -> str:
    decoder = Attentive() if spec == "attentive" else load_decoder(spec)
    with pytest.raises(UserError) as caught:
        check_compatibility(Fake(noisy(), **info).info, decoder, canvas)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and decoder.spec in message
    return message


def test_a_canvas_that_the_block_does_not_divide_is_refused_with_the_nearest_that_does() -> None:
    assert "block=8 " in one_sentence("confidence:k=2,block=7", 32)
    assert "block=5 " in one_sentence("confidence:k=2,block=7", 5 * 13)
    check_compatibility(Fake(noisy()).info, load_decoder("confidence:k=2,block=8"), 32)


def test_a_model_that_lacks_what_the_decoder_needs_is_refused() -> None:
    assert "needs attention, shadow" in one_sentence("attentive", 8)
    assert "needs shadow," in one_sentence("attentive", 8, offers=frozenset({"attention"}))
    check_compatibility(Fake(noisy(), offers=frozenset({"attention", "shadow"})).info, Attentive(), 8)


def test_a_block_causal_model_keeps_its_own_block() -> None:
    assert "in blocks of 4" in one_sentence("confidence:k=2,block=8", 16, block=4)
    model = Fake(noisy(), block=4, attention="block_causal")
    for spec in ("left_to_right:k=3", "left_to_right:k=3,block=4"):
        check_compatibility(model.info, load_decoder(spec), 16)
        (done,) = generate(model, [prompt(8)], spec)
        assert orders(done) == [[0, 1], [2, 3, 4], [5], [6, 7]]  # the first block holds the two tokens of the prompt


def test_capabilities_are_a_closed_set() -> None:
    class Misspelt(Attentive):
        needs: ClassVar[frozenset[Need]] = frozenset({"attentoin"})  # type: ignore[arg-type]

    with pytest.raises(UserError, match="the decoder attentive names 'attentoin', which is none of absorb, attention, aux"):
        check_compatibility(Fake(noisy()).info, Misspelt(), 8)
    with pytest.raises(UserError, match="the model fake names 'attentoin'"):
        Fake(noisy(), offers=frozenset({"attentoin"}))
    with pytest.raises(UserError, match="the model fake names 'laws', which is none of law, score"):
        Fake(noisy(), requires=frozenset({"laws"}))
