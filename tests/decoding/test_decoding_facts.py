"""What decoders say of themselves is true: what sets their speed does, in the direction that they name."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import pytest

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import DECODERS, Decoder, Engine, load_decoder, load_decoders, make_prompt
from parallelbench.models import load_model
from parallelbench.schema import Prompt
from parallelbench.specs import render
from parallelbench.tasks import load_task
from thinned import thinned

RANGES: dict[str, tuple[Any, Any]] = {
    "threshold.gamma": (0.05, 0.95), "factor.f": (0.2, 30.0), "credit.gamma": (0.1, 0.95), "eb_sampler.gamma": (0.0, 5.0),
    "dus.base": (2, 8), "hierarchical.gamma": (0.1, 0.95),
    "klass.tau": (0.05, 0.95), "klass.eps": (0.0, 5.0), "klass.n": (1, 4),
    "local_leap.relaxed": (0.05, 0.9), "lopa.gamma": (0.1, 0.95), "punt.epsilon": (0.0, 50.0),
    "slowfast.high": (0.1, 0.95), "freedave.drafts": (1, 8), "ssd.drafts": (0, 6), "prophet.high": (0.0, 50.0),
    "sched.high": (0.0, 50.0), "saber.n": (1, 8), "p2.k": (1, 8), "core.k": (1, 8), "random_steps.k": (1, 8),
    "confidence.k": (1, 8), "confidence.steps": (2, 12), "rcr.k": (1, 8), "remdm.k": (1, 8), "dream_origin.k": (1, 8),
}  # fmt: skip
"""Two values of a parameter, low and high, at which a difference of speed is to be seen."""

OTHERS = {"sched.high": ",low=0,change=1"}
"""Other parameters of the same decoder, where a default rules out the low value or tied candidates change by chance."""


@pytest.mark.parametrize("name", DECODERS.names())
def test_every_decoder_declares_what_sets_its_speed_by_names_that_it_has(name: str) -> None:
    cls = type(load_decoder(name))
    assert cls.speed is not None and set(cls.speed) <= set(cls.model_fields)
    assert set(cls.speed.values()) <= {"faster", "slower", "unknown"}
    facts = load_decoder(name).facts
    assert facts.family == facts.label == name and render(name, facts.parameters) == load_decoder(name).spec
    assert not set(facts.variant) & set(facts.speed) or name == "end_of_text"


@pytest.mark.parametrize("key", thinned(RANGES, 2))
def test_raising_a_parameter_makes_a_decoder_as_fast_as_it_says(key: str) -> None:
    family, name = key.split(".")
    (slow, fast), others = RANGES[key], OTHERS.get(key, "")
    if load_decoder(f"{family}:{name}={slow}{others}").facts.speed[name] == "slower":
        slow, fast = fast, slow
    counts = [forwards(load_decoder(f"{family}:{name}={value}{others}")) for value in (slow, fast)]
    assert counts[0] > counts[1], f"{name}={slow} takes {counts[0]} forwards and {name}={fast} {counts[1]}"


@cache
def shuffles() -> tuple[Denoiser, list[Prompt]]:
    """The exact model under a tokenizer, and eight shuffles of six items."""
    model, task = load_model("exact:tokenizer=tiny"), load_task("list_ops/shuffle:lengths=6,may_stay=true,max_new_tokens=32")
    return model, [make_prompt(model, task.sample(0, index, 0), 32) for index in range(8)]


def forwards(decoder: Decoder) -> int:
    """The forwards of eight shuffles."""
    model, prompts = shuffles()
    return sum(sum(one.ledger.nfe.values()) for one in Engine(model, 8).generate(prompts, decoder, 0))


def test_settings_of_one_curve_differ_in_speed_alone() -> None:
    curves = {
        "confidence:k=[1,2,4]": 1, "confidence:k=[1,2],block=[4,8]": 2, "threshold:gamma=[0.5,0.9],temperature=[0.0,1.0]": 2,
        "eb_sampler:gamma=[0.1,1.0],order=[entropy,margin]": 2, "remdm:k=[1,2],schedule=[cap,loop]": 2,
        "matching:gamma=[0.5,0.9],floor=[0.02,0.1]": 2,
    }  # fmt: skip
    for spec, expected in curves.items():
        facts = [decoder.facts for decoder in load_decoders(spec)]
        found = {(one.label, tuple(sorted(one.variant.items()))) for one in facts}
        assert len(found) == expected < len(facts), spec


def test_a_label_is_in_the_facts_and_not_in_the_spec() -> None:
    plain, named = load_decoder("confidence:k=2,block=8"), load_decoder("confidence:k=2,block=8,label=ours")
    assert plain.spec == named.spec and (plain.facts.label, named.facts.label) == ("confidence", "ours")
    for one, two in itertools.pairwise([plain, named]):
        assert one.facts.parameters == two.facts.parameters


def test_a_stopped_decoder_has_the_facts_of_its_base() -> None:
    facts = load_decoder("end_of_text:base=confidence:k=4").facts
    assert facts.adaptive is False and facts.variant == {"base": "confidence"} and set(facts.speed) == {"base"}
