"""How many positions threshold and factor commit, against the rules that others publish, written out step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from decoding_fakes import Fake, certain, generate, noisy, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import load_decoder

CONFIDENCES = st.lists(st.sampled_from([0.2, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99]), min_size=1, max_size=10)
Rule = Callable[[list[float]], int]
"""The number of commits, given the confidences of the masks that are left, highest first."""


def sizes(spec: str, confidences: Sequence[float]) -> list[int]:
    """How many positions each step commits where nothing that is committed changes a confidence."""
    (done,) = generate(Fake(certain(confidences)), [prompt(len(confidences))], spec)
    return [len(step) for step in orders(done)]


def sizes_by(rule: Rule, confidences: Sequence[float]) -> list[int]:
    left, found = sorted(confidences, reverse=True), []
    while left:
        count = rule(left)
        found.append(count)
        left = left[count:]
    return found


def fast_dllm_factor(f: float) -> Rule:
    """The published search: an index into the sorted confidences, moved on by one where it ends at the first or the last."""

    def count(left: list[float]) -> int:
        index = 0
        for index in range(len(left)):
            if index > 0 and left[index] < 1 - f / (index + 2):
                break
        return index + 1 if index in (0, len(left) - 1) else index

    return count


def sdar_dynamic(gamma: float, per_step: int) -> Rule:
    """All above gamma if they are at least as many as a step has to commit; else the most confident of that number."""

    def count(left: list[float]) -> int:
        above = sum(one > gamma for one in left)
        return above if above >= per_step else min(per_step, len(left))

    return count


@settings(max_examples=60, deadline=None)
@given(confidences=CONFIDENCES, f=st.sampled_from([0.7, 1.0, 1.6]))
def test_factor_of_the_authors_is_the_published_search(confidences: list[float], f: float) -> None:
    assert sizes(f"factor:f={f},compat=authors", confidences) == sizes_by(fast_dllm_factor(f), confidences)


def test_factor_of_the_authors_never_leaves_one_mask_of_a_block_alone() -> None:
    assert sizes("factor:f=1.0", [0.3, 0.3]) == [1, 1]
    assert sizes("factor:f=1.0,compat=authors", [0.3, 0.3]) == [2]
    assert sizes("factor:f=1.0,compat=authors", [0.3, 0.3, 0.3]) == [1, 2]


@settings(max_examples=60, deadline=None)
@given(confidences=CONFIDENCES, gamma=st.sampled_from([0.4, 0.75, 0.95]), least=st.integers(1, 4))
# fault 7
def test_threshold_with_a_least_number_is_the_dynamic_rule_of_sdar(confidences: list[float], gamma: float, least: int) -> None:
    spec = f"threshold:gamma={gamma},strict=true,least={least}"
    # a confidence is as near to gamma as float32 allows, so equality is left to the test below
    apart = [one for one in confidences if one != gamma] or [0.2]
    assert sizes(spec, apart) == sizes_by(sdar_dynamic(gamma, least), apart)


def test_strict_leaves_out_what_is_exactly_at_the_threshold() -> None:
    def halves(asked: object, canvas: object, position: int) -> np.ndarray:
        return np.where(np.isin(np.arange(11), [5, 7]), 0.0, -np.inf)  # two tokens of probability 1/2

    taken = [orders(generate(Fake(halves), [prompt(3)], f"threshold:gamma=0.5{more}")[0]) for more in ("", ",strict=true")]
    assert taken == [[[0, 1, 2]], [[0], [1], [2]]]


def test_threshold_names_only_what_differs_from_its_defaults() -> None:
    assert load_decoder("threshold").spec == "threshold:gamma=0.9"
    assert load_decoder("threshold:least=2,strict=true").spec == "threshold:gamma=0.9,least=2,strict=true"


def test_pc_sampler_without_a_table_ranks_by_confidence_whatever_alpha_is() -> None:
    """A cut at alpha = 0.1 would tie all of them, and order them from left to right."""
    (done,) = generate(Fake(certain([0.6, 0.9, 0.8])), [prompt(3)], "pc_sampler:lam=0.0,alpha=0.1")
    assert orders(done) == [[1], [2], [0]]


@pytest.mark.parametrize("least", [1, 3])
def test_a_least_number_bounds_the_forwards(least: int) -> None:
    (done,) = generate(Fake(noisy()), [prompt(12)], f"threshold:gamma=1.0,least={least}")
    assert done.ledger.nfe == {"denoise": 12 // least}
