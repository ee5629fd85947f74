"""Likelihoods of continuations: of the exact model those of the law, by the chain rule and by the estimator."""

from __future__ import annotations

import math

import pytest

from parallelbench.decoding import Engine
from parallelbench.integrations.lm_eval.likelihood import Likelihood, LikelihoodDecoder
from parallelbench.models import load_model
from parallelbench.schema import Prompt
from parallelbench.tasks import load_task
from parallelbench.tasks.lists import write

EXACT = load_model("exact")


def likelihood(task: str, index: int, text: str | None, draws: int, exact: bool) -> Likelihood:
    """The likelihood of a text, or of the right answer, as an answer to one sample."""
    sample = load_task(task, shots=0).sample(0, index)
    codec = EXACT.codec_for(sample)
    target = codec.encode(sample.answer if text is None else text)
    decoder = LikelihoodDecoder.of(target, draws, (index,), exact)
    prompt = Prompt(sample, tuple(codec.encode_chat(sample.turns)[0]), (EXACT.info.mask_id,) * len(target), "")
    (made,) = Engine(EXACT, 1).generate([prompt], decoder, 0)
    assert made.token_ids == tuple(target)
    return decoder.likelihood


@pytest.mark.parametrize(
    ("task", "answers"), [("waiting_line/shuffle:lengths=[3]", 5), ("waiting_line/insert_random:lengths=[4]", 5)]
)
def test_the_exact_model_gives_the_probability_of_the_law(task: str, answers: int) -> None:
    chain = likelihood(task, 0, None, 1, exact=True)
    assert chain.log_p == pytest.approx(-math.log(answers), abs=0.02) and chain.error == 0
    estimate = likelihood(task, 0, None, 600, exact=False)
    assert 0 < estimate.error < 0.2
    assert abs(estimate.log_p - chain.log_p) < 3 * estimate.error + 0.02


def test_a_choice_of_answers_ranks_as_the_law_says() -> None:
    for index in range(20):
        sample = load_task("waiting_line/reverse:lengths=[3]", shots=0).sample(0, index)
        items = sample.facts["items"]
        wrong = write(items)
        right, other = (likelihood("waiting_line/reverse:lengths=[3]", index, text, 1, exact=True) for text in (None, wrong))
        assert right.log_p > -0.1 > -2 > other.log_p


def test_draws_depend_on_their_labels_alone() -> None:
    one, again = (likelihood("waiting_line/shuffle:lengths=[3]", 1, None, 20, exact=False) for _ in range(2))
    assert one == again
    single = likelihood("waiting_line/shuffle:lengths=[3]", 1, None, 1, exact=False)
    assert math.isnan(single.error)
