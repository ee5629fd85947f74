"""Shuffle of four under the exact model at temperature 1, the numbers of the paper and of a prototype that came before."""

from __future__ import annotations

import math

import pytest

from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.doctor.decoders import worlds
from parallelbench.doctor.shuffle import Z999, shuffle_share
from parallelbench.tasks import load_task

COUNT = 1_000


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("all_at_once:ties=random", math.factorial(4) / 4**4),  # .094
        ("random:k=2", 4 * 3 / 4**2 * 2 * 1 / 2**2),  # .375
        ("one_by_one", 1.0),
        ("eb_sampler:gamma=0.01", 1.0),
        ("threshold:gamma=0.9", 1.0),
        ("freedave:drafts=4", 1.0),
        ("matching", 1.0),
    ],
)
def test_accuracy_is_within_its_interval(spec: str, expected: float) -> None:
    share = shuffle_share(load_decoder(spec), COUNT)
    assert abs(share.right / COUNT - expected) <= Z999 * math.sqrt(expected * (1 - expected) / COUNT)


def costs(spec: str) -> tuple[float, float]:
    """Mean forwards and rows."""
    model, task = worlds()[0].model, load_task("list_ops/shuffle:lengths=[4],may_stay=true")
    prompts = [make_prompt(model, task.sample(0, index, 0), task.max_new_tokens, infill=True) for index in range(200)]
    done = list(Engine(model, 200).generate(prompts, load_decoder(spec)))
    forwards = sum(sum(one.ledger.nfe.values()) for one in done)
    return forwards / len(done), sum(one.ledger.rows for one in done) / len(done)


def test_drafts_save_forwards_and_cost_rows() -> None:
    forwards, rows = costs("freedave:drafts=4,temperature=1")
    assert forwards < 4 < rows


def test_tests_of_independence_cost_more_forwards_than_one_by_one() -> None:
    assert costs("punt:epsilon=0.05,temperature=1")[0] > 4


def test_a_joint_draw_costs_one_forward() -> None:
    assert costs("matching:temperature=1") == (1.0, 1.0)
