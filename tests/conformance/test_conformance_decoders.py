"""Every decoder of the registry keeps the contract, and each property catches a decoder that breaks it."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import ClassVar

import pytest
from decoder_settings import SETTINGS

from parallelbench.decoding import DECODERS, StepDecoder, load_decoder
from parallelbench.decoding.decoder import Decoder, ProgramDecoder
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.decoding.state import COMMITTED
from parallelbench.doctor import decoders as doctor
from parallelbench.doctor import shuffle
from parallelbench.doctor.decoders import World, check_decoder, one_by_one_setting, shipped, worlds, worlds_for
from parallelbench.doctor.shuffle import Z999, Share
from parallelbench.errors import UserError
from parallelbench.tasks import load_task
from parallelbench.theory.laws import RANDOM

ATTENTIVE = tuple(name for name in DECODERS.names() if "attention" in load_decoder(name).needs)

FEWER = 100
"""Samples of Shuffle in the ordinary tests; `doctor decoder` and the slow tests decode `shuffle.DRAWS`."""

_right_one_by_one = doctor._right_one_by_one
_shares: dict[tuple[str, int], Share] = {}


def shuffle_share(decoder: Decoder, draws: int = FEWER) -> Share:
    """The same as the doctor's, which decodes at temperature 1 whatever the decoder's is, once for each setting."""
    spec = decoder.model_copy(update={"temperature": 1.0}).spec
    if (spec, draws) not in _shares:
        _shares[spec, draws] = shuffle.shuffle_share(decoder, draws)
    return _shares[spec, draws]


@cache
def right_one_by_one(spec: str, perfect: tuple[World, ...]) -> list[str]:
    return list(_right_one_by_one(load_decoder(spec), perfect))


@pytest.fixture
def each_setting_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute once what `check_decoder` needs of a setting more than once: the registry's decoders keep nothing."""
    monkeypatch.setattr(doctor, "_right_one_by_one", lambda careful, perfect: right_one_by_one(careful.spec, tuple(perfect)))


@pytest.mark.usefixtures("each_setting_once")
@pytest.mark.parametrize("name", DECODERS.names())
def test_every_decoder_of_the_registry_conforms(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of its faster settings, with the one-by-one setting that doctor would take."""
    assert name in SETTINGS, f"write the settings of {name} into tests/conformance/decoder_settings.py"
    monkeypatch.setattr(doctor, "shuffle_share", shuffle_share)
    careful = one_by_one_setting(load_decoder(name))
    assert check_decoder(load_decoder(SETTINGS[name][-1]), careful) == []


@pytest.mark.slow
@pytest.mark.usefixtures("each_setting_once")
@pytest.mark.parametrize("name", DECODERS.names())
def test_all_its_settings_conform(name: str) -> None:
    careful, *faster = (load_decoder(spec) for spec in SETTINGS[name])
    for decoder in faster or [careful]:
        assert check_decoder(decoder, careful) == []
    assert check_decoder(load_decoder(name)) == []


def test_a_decoder_that_looks_at_attention_runs_on_the_shipped_model() -> None:
    found = {name: worlds_for(load_decoder(name)) for name in ATTENTIVE}
    assert found and all(places == (shipped(),) for places in found.values())
    assert worlds_for(load_decoder("one_by_one")) == worlds_for(load_decoder("apd")) == worlds()


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in ATTENTIVE])
@pytest.mark.parametrize("draws", [FEWER, pytest.param(shuffle.DRAWS, marks=pytest.mark.slow)])
def test_more_steps_are_never_worse(name: str, draws: int) -> None:
    shares = [shuffle_share(load_decoder(spec), draws) for spec in SETTINGS[name]]
    slowest = shares[0]
    each = 2.0 if "aux" in load_decoder(name).needs else 1.0  # one of each model
    assert (slowest.forwards, slowest.right) == (4.0 * each, draws)
    for slow, fast in itertools.pairwise(shares):
        if slow.forwards > fast.forwards and not (load_decoder(name).revises or load_decoder(name).fuses):
            assert slow.right >= fast.right - Z999 * math.sqrt(spread(slow) + spread(fast))


def spread(share: Share) -> float:
    """The variance of the number of right answers."""
    return share.right * (1 - share.right / share.samples)


def test_a_decoder_that_needs_what_no_model_offers_is_refused() -> None:
    class Psychic(Paired):
        needs = frozenset({"telepathy"})

    with pytest.raises(UserError, match="names 'telepathy', which is none of"):
        check_decoder(Psychic())


def test_the_worlds_hold_every_law_and_both_ways_to_cut_answers() -> None:
    for world in worlds():
        assert {load_task(spec).law for spec in world.tasks} == {"deterministic", "latin_square", *RANDOM}


class Paired(StepDecoder):
    """The first `k` open positions a step; what follows breaks it one property at a time."""

    family = "paired"
    k: int = 2

    def request(self, state):
        return ForwardRequest(top=3)

    def step(self, signals, state, memory):
        state.write(signals.positions[: self.k], self.tokens(signals)[: self.k])

    def tokens(self, signals):
        return signals.token


class Quitter(ProgramDecoder):
    """Leaves masks."""

    family = "quitter"

    def run(self, state):
        signals = yield ForwardRequest()
        state.write(signals.positions[:1], signals.token[:1])


class Ditherer(StepDecoder):
    """Takes back what it writes, and never comes to an end."""

    family = "ditherer"

    def step(self, signals, state, memory):
        state.write(signals.positions, signals.token)
        state.remask(signals.positions)


class SecondBest(Paired):
    """Writes the second most probable token: wrong even one by one."""

    def tokens(self, signals):
        return signals.top_token[:, 1]


class NotDrawn(Paired):
    """Takes the first of the best tokens at every temperature, so that equal items collide."""

    def tokens(self, signals):
        return signals.top_token[:, 0]


class Smuggler(Paired):
    """Writes past the engine."""

    def step(self, signals, state, memory):
        at = signals.positions[: self.k]
        state.canvas[at] = signals.token[: self.k]
        state.status[at] = COMMITTED


class Gossip(Paired):
    """Lets samples know of each other."""

    seen: ClassVar[list[int]] = [0]

    def step(self, signals, state, memory):
        self.seen[0] += 1
        at = [self.seen[0] % len(signals.positions)]
        state.write(signals.positions[at], signals.token[at])


class Vandal(Paired):
    """Writes over what the frame gives."""

    def step(self, signals, state, memory):
        state.write([0], signals.token[:1])


@pytest.mark.parametrize(
    ("decoder", "broken"),
    [
        (Paired(), []),
        (Quitter(), ["end", "one by one"]),
        (Ditherer(), ["end", "one by one"]),
        (SecondBest(), ["one by one", "bound"]),
        (NotDrawn(), ["bound"]),
        (Smuggler(), ["ledger"]),
        (Gossip(), ["batch"]),
        (Vandal(), ["contract"]),
    ],
    ids=lambda value: value.family if isinstance(value, Decoder) else "",
)
def test_each_property_catches_a_decoder_that_breaks_it(decoder: Decoder, broken: list[str]) -> None:
    found = check_decoder(decoder)
    assert sorted({sentence.partition(":")[0] for sentence in found}) == sorted(broken), found
    assert all(sentence.endswith((".", "?")) and "\n" not in sentence for sentence in found)


def test_the_one_by_one_setting_follows_from_the_keys() -> None:
    assert one_by_one_setting(load_decoder("confidence:steps=7")).spec == "confidence:k=1,block=1"
    assert (one_by_one_setting(Paired(k=3)).k, one_by_one_setting(Paired(k=3)).block) == (1, 1)
    assert one_by_one_setting(load_decoder("threshold:gamma=0.1")).spec == "threshold:gamma=0.1,block=1"
