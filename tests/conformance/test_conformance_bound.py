"""The checks `bound` and `line` of the doctor where the sizes of later steps depend on what was drawn before."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import DECODERS, StepDecoder, load_decoder
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.doctor.decoders import check_decoder
from parallelbench.doctor.shuffle import DRAWS, shuffle_share


class Adaptive(StepDecoder):
    """Fills as many positions as `sizes` says for the tokens that were committed before, from the left."""

    family: ClassVar[str] = "adaptive"
    different: tuple[int, int, int] = (2, 1, 1)
    """Positions of a step after 1, 2 and 3 committed tokens that are all different."""
    equal: tuple[int, int, int] = (2, 1, 1)
    """The same where two of them are equal."""
    first: int = 2

    def request(self, state):
        return ForwardRequest(top=4)

    def size(self, state) -> int:
        written = [token for step in state.history for _, token, _, _ in step]
        if not written:
            return self.first
        return (self.different if len(set(written)) == len(written) else self.equal)[min(len(written), 3) - 1]

    def step(self, signals, state, memory):
        k = self.size(state)
        state.write(signals.positions[:k], self.tokens(signals, state)[:k])

    def tokens(self, signals, state):
        return signals.token


ADAPTIVE = {
    "slow after a mistake": Adaptive(first=2, different=(3, 2, 1), equal=(1, 1, 1)),
    "fast after a mistake": Adaptive(first=2, different=(1, 1, 1), equal=(3, 2, 1)),
    "one first, then all": Adaptive(first=1, different=(3, 2, 1), equal=(1, 1, 1)),
    "three first": Adaptive(first=3, different=(3, 2, 1), equal=(1, 1, 1)),
}
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 2), st.just(1))


@pytest.mark.parametrize("decoder", ADAPTIVE.values(), ids=ADAPTIVE)
def test_a_decoder_that_looks_at_earlier_tokens_to_choose_its_next_step_passes(decoder: Adaptive) -> None:
    share = shuffle_share(decoder)
    assert not share.shortfall and share.excess is None


@settings(max_examples=12, deadline=None)
@given(first=st.integers(1, 4), different=SIZES, equal=SIZES, seed=st.integers(0, 2**20))
def test_the_sum_over_steps_has_the_mean_that_the_sizes_promise(first: int, different: Any, equal: Any, seed: int) -> None:
    share = shuffle_share(Adaptive(first=first, different=different, equal=equal), DRAWS, seed)
    assert abs(share.kept - share.promised) <= 5 * math.sqrt(share.variance) + 1e-6


class BestInTheEnd(Adaptive):
    """Draws its first step, and then takes the first of the best tokens, so that equal items collide."""

    first: int = 2
    different: tuple[int, int, int] = (2, 2, 1)

    def tokens(self, signals, state):
        return signals.token if len(signals.positions) == 4 else signals.top_token[:, 0]


class Twins(Adaptive):
    """Commits two positions with equal tokens where the draw has such, after it has seen the draw."""

    def step(self, signals, state, memory):
        order = np.argsort(signals.token, kind="stable")
        equal = np.flatnonzero(np.diff(signals.token[order]) == 0)
        chosen = order[equal[0] : equal[0] + 2] if equal.size else order[:2]
        state.write(signals.positions[chosen], signals.token[chosen])


class CarefulOnceWrong(BestInTheEnd):
    """Takes one position a step once it is wrong, so that most of its steps are small."""

    equal: tuple[int, int, int] = (1, 1, 1)


@pytest.mark.parametrize("decoder", [BestInTheEnd(), Twins(), CarefulOnceWrong()], ids=lambda one: type(one).__name__)
def test_a_decoder_that_collides_more_than_its_steps_do_is_caught(decoder: Adaptive) -> None:
    assert shuffle_share(decoder).shortfall


def test_the_doctor_says_so_in_one_sentence() -> None:
    (found,) = check_decoder(CarefulOnceWrong())
    assert found.startswith("bound: at temperature 1, ")


class Ranked(Adaptive):
    """Writes the i-th best token at the i-th open position: different tokens in one forward, which no independent draws are."""

    first: int = 4

    def tokens(self, signals, state):
        return np.diagonal(signals.top_token)


class RankedLater(Ranked):
    """Does so from its second forward on, so that only the values within more than one forward show it."""

    first: int = 1
    different: tuple[int, int, int] = (3, 2, 1)


class Declared(Ranked):
    """The same, declared."""

    joint: ClassVar[bool] = True


@pytest.mark.parametrize(("decoder", "forwards"), [(Ranked(), 1), (RankedLater(), 2)], ids=["at once", "later"])
def test_a_decoder_that_beats_every_choice_after_independent_draws_is_caught(decoder: Adaptive, forwards: int) -> None:
    share = shuffle_share(decoder)
    assert share.excess == forwards and share.within[forwards - 1] == share.right == DRAWS


def test_a_joint_draw_passes_where_it_is_declared() -> None:
    (found,) = check_decoder(Ranked())
    assert found.startswith("line: it is right on 400 of 400 shuffles of 4 items within 1 forwards") and "joint = True" in found
    assert check_decoder(Declared()) == []


def test_the_decoders_that_declare_a_joint_draw_are_those_that_beat_the_line() -> None:
    joint = [name for name in DECODERS.names() if load_decoder(name).joint]
    assert joint == ["matching"] and shuffle_share(load_decoder("matching")).excess == 1
    assert shuffle_share(load_decoder("freedave:drafts=4")).excess is None, "several rows a forward have no such limit"


class Distinct(Adaptive):
    """Draws every open position and keeps one for each token that was drawn: the best choice after the draw."""

    def step(self, signals, state, memory):
        chosen = np.unique(signals.token, return_index=True)[1]
        state.write(signals.positions[chosen], signals.token[chosen])


def test_the_best_choice_after_the_draw_is_on_the_line_and_passes() -> None:
    share = shuffle_share(Distinct())
    assert not share.shortfall and share.excess is None
    assert share.kept > share.promised and share.within[1] / share.samples == pytest.approx(0.8238, abs=0.06)
