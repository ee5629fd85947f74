"""No decoder that draws independently, keeps what it commits and reads one row is above the line after the draw, on any law.

The line is the highest probability of a right answer within T forwards (`theory.after_draw`, `collision`, `places`). The
decoders draw on the exact model, at temperature 0 with ties at random and at temperature 1. Left out are those that declare
joint draws, revision or a mixture with something else, and samples for which a forward had several rows. So is `ties=first`:
the lowest token at every position is one draw that all positions share (test_decoding_precision.py shows its effect). The
probability of as many right answers on the line itself is binomial, and Bonferroni makes the level .001 hold for all
comparisons together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from decoder_settings import SETTINGS
from scipy.stats import binom

from parallelbench.decoding import Decoder, Engine, load_decoder, make_prompt
from parallelbench.doctor.shuffle import item_model
from parallelbench.metrics import score
from parallelbench.tasks import load_task
from parallelbench.theory import place_after_draw, shuffle_after_draw

ATTENTION = {"dapd", "dawn", "clad"}  # need maps, which the exact model has not
LAWS = {
    "list_ops/shuffle:lengths=[3],may_stay=true": lambda forwards: shuffle_after_draw(3, forwards),
    "list_ops/shuffle:lengths=[4]": lambda forwards: max(
        shuffle_after_draw(4, forwards, must_differ=True, temperature=temperature) for temperature in (0.0, 1.0)
    ),
    "list_ops/shuffle:lengths=[6],may_stay=true": lambda forwards: shuffle_after_draw(6, forwards),
    "list_ops/replace_random:lengths=[4]": lambda forwards: _place("replace_random", 4, forwards),
    "list_ops/insert_random:lengths=[3]": lambda forwards: _place("insert_random", 3, forwards),
    "list_ops/remove_random:lengths=[5]": lambda forwards: _place("remove_random", 5, forwards),
    "puzzle/latin_square_n3": lambda forwards: (0.0006097, 0.99986, 1.0)[min(forwards, 3) - 1],
}
FAST = ("list_ops/shuffle:lengths=[3],may_stay=true", "list_ops/insert_random:lengths=[3]")


def _place(name: str, n: int, forwards: int) -> float:
    return max(place_after_draw(name, n, forwards, temperature) for temperature in (0.0, 1.0))


def independent(settings: int) -> Iterator[Decoder]:
    """The decoders that the line bounds, with their last `settings` settings, at both temperatures."""
    for name in sorted(SETTINGS.keys() - ATTENTION):
        for spec in SETTINGS[name][-settings:]:
            decoder = load_decoder(spec).model_copy(update={"block": None, "ties": "random"})
            if not (decoder.joint or decoder.revises or decoder.fuses):
                yield from (decoder.model_copy(update={"temperature": one, "top_p": 1.0}) for one in (0.0, 1.0))


def right_within(decoder: Decoder, task_spec: str, samples: int) -> list[int]:
    """How many samples are right within 1, 2, ... forwards of one row."""
    task, model = load_task(f"{task_spec.rstrip(':')}{',' if ':' in task_spec else ':'}infill=true"), item_model()
    sample = task.sample(0, 0, 0)
    first = make_prompt(model, sample, task.max_new_tokens, infill=True)
    within = [0] * sum(token == model.info.mask_id for token in first.canvas)
    prompts = (replace(first, sample=replace(sample, index=index)) for index in range(samples))
    for done in Engine(model, 512, model).generate(prompts, decoder):
        forwards = max(at for at, writes in enumerate(done.ledger.history, 1) if writes)
        one_row = done.ledger.rows == sum(done.ledger.nfe.values())
        if one_row and score(sample, done.text, task.metrics[:1])[task.metrics[0]] == 1.0:
            for limit in range(forwards - 1, len(within)):
                within[limit] += 1
    return within


def above(decoders: Sequence[Decoder], laws: Sequence[str], samples: int) -> list[str]:
    """The comparisons in which more answers are right than the line explains, at the simultaneous level .001."""
    counts = {(one.spec, law): right_within(one, law, samples) for one in decoders for law in laws}
    level = 0.001 / sum(map(len, counts.values()))
    return [
        f"{spec} on {law}: {right} of {samples} within {forwards}, line {LAWS[law](forwards):.4f}"
        for (spec, law), within in counts.items()
        for forwards, right in enumerate(within, 1)
        if binom.sf(right - 1, samples, LAWS[law](forwards)) < level
    ]


def test_no_independent_decoder_is_above_the_line_after_the_draw() -> None:
    decoders = [one for one in independent(1) if one.temperature == 1.0]
    assert len({one.family for one in decoders}) >= 25
    assert above(decoders, FAST, 60) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("law", LAWS)
def test_no_independent_decoder_is_above_the_line_with_two_thousand_samples(law: str) -> None:
    assert above(list(independent(9)), [law], 2000) == []


def test_the_comparison_finds_a_joint_draw() -> None:
    (found,) = above([load_decoder("matching")], ["list_ops/insert_random:lengths=[3]"], 100)
    assert "100 of 100 within 1" in found
