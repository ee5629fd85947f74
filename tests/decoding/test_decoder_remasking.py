"""RCR, ReMDM and Saber against their rules, and what their revisions cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import MASK, VOCABULARY, Fake, certain, generate, noisy, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import load_decoder
from parallelbench.errors import UserError
from parallelbench.schema import Generation, Prompt

CANVASES = st.lists(st.sampled_from([MASK, MASK, MASK, 3]), min_size=1, max_size=12).filter(lambda canvas: MASK in canvas)


def look(canvas: list[int]) -> dict[int, tuple[float, int]]:
    """What one forward says of each mask: (confidence, token)."""
    (done,) = generate(Fake(noisy()), [prompt(canvas)], "all_at_once")
    return {position: (sure, token) for position, token, sure, _ in done.ledger.history[0]}


def standing(done: Generation) -> list[int]:
    """How many positions are filled after each forward."""
    sign = {"commit": 1, "remask": -1, "edit": 0}
    return np.cumsum([sum(sign[action] for *_, action in writes) for writes in done.ledger.history]).tolist()


def actions(done: Generation, action: str) -> list[list[int]]:
    return [[position for position, *_, what in writes if what == action] for writes in done.ledger.history]


@settings(max_examples=40, deadline=None)
@given(canvas=CANVASES, k=st.integers(1, 5))
def test_rcr_keeps_the_best_of_all_that_was_chosen(canvas: list[int], k: int) -> None:
    (done,) = generate(Fake(noisy()), [prompt(canvas)], f"rcr:k={k}")
    free = [position for position, token in enumerate(canvas) if token == MASK]
    chosen: dict[int, tuple[float, int]] = {}
    keep = 0
    while keep < len(free):
        keep = min(keep + k, len(free))
        masked = [canvas[at] if at not in chosen or canvas[at] != MASK else chosen[at][1] for at in range(len(canvas))]
        everything = {**chosen, **look(masked)}
        kept = sorted(free, key=lambda position: (-everything[position][0], position))[:keep]
        chosen = {position: everything[position] for position in kept}
    assert all(done.token_ids[position] == token for position, (_, token) in chosen.items())
    assert standing(done) == [min(step * k, len(free)) for step in range(1, -(-len(free) // k) + 1)]
    assert done.ledger.nfe == {"denoise": -(-len(free) // k)}


def test_rcr_keeps_few_at_first_under_a_cosine() -> None:
    (done,) = generate(Fake(noisy()), [prompt(12)], "rcr:steps=4,schedule=cosine")
    assert standing(done) == [1, 4, 8, 12]
    (done,) = generate(Fake(noisy()), [prompt(12)], "rcr:steps=8,schedule=cosine,block=4")
    assert standing(done) == [1, 2, 4, 5, 6, 8, 10, 12]
    with pytest.raises(UserError, match="needs steps"):
        load_decoder("rcr:schedule=cosine")


def test_rcr_takes_back_what_was_chosen_in_doubt() -> None:
    """Position 0 is the best of a doubtful first look; with it filled the others are surer than it was: it is taken back."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        scores = np.zeros(VOCABULARY)
        scores[5] = 4.0 - position if (canvas == MASK).all() else 9.0 - position
        return scores

    (done,) = generate(Fake(law), [prompt(3)], "rcr:k=1")
    assert actions(done, "commit") == [[0], [1, 2], [0]] and actions(done, "remask") == [[], [0], []]


def test_remdm_loops_once_a_block_is_nearly_full() -> None:
    (done,) = generate(Fake(certain([0.9, 0.8, 0.7, 0.6, 0.5, 0.95, 0.4, 0.3])), [prompt(8)], "remdm:loops=2,redo=2")
    assert orders(done)[:6] == [[5], [0], [1], [2], [3], [4]]
    assert actions(done, "remask")[6] == [6, 4] and actions(done, "commit")[6] == [6]
    assert orders(done)[7:] == [[4, 6, 6, 4], [4, 6], [7]]
    assert done.ledger.nfe == {"denoise": 8 + 2}


@pytest.mark.parametrize(("spec", "forwards"), [("remdm:k=2,loops=3,block=4", 20), ("remdm:steps=8,loops=1,block=8", 10)])
def test_remdm_fills_every_block_and_counts_its_loops(spec: str, forwards: int) -> None:
    for done in generate(Fake(noisy()), [prompt(16, index=index) for index in range(5)], spec):
        assert MASK not in done.token_ids and done.ledger.nfe == {"denoise": forwards} and done.ledger.flags == ()


def test_the_ports_loop_comes_at_the_end_of_a_block_that_took_few_steps() -> None:
    (done,) = generate(Fake(noisy()), [prompt(8)], "remdm:k=4,loops=2,compat=port")
    assert [len(step) for step in actions(done, "commit")] == [4, 4, 1, 1]
    assert [len(step) for step in actions(done, "remask")] == [0, 1, 1, 0]
    (done,) = generate(Fake(noisy()), [prompt(8)], "remdm:k=1,loops=1,compat=port")
    assert [len(step) for step in actions(done, "remask")] == [0] * 6 + [1] + [0, 0]


@pytest.mark.parametrize("schedule", ["cap,eta=0.2", "rescale,eta=0.7", "cap,eta=0.0"])
def test_remdm_remasks_without_changing_how_much_stands(schedule: str) -> None:
    """The forward correction: after the step to time s a position stands with probability 1 - s, whatever sigma is."""
    spec = f"remdm:schedule={schedule},steps=4"
    done = generate(Fake(certain([0.5] * 16)), [prompt(16, index=index) for index in range(250)], spec, 64)
    after = np.array([standing(one)[:2] for one in done]).mean(axis=0) / 16
    assert np.abs(after - [0.25, 0.5]).max() < 4 * (0.25 / (16 * 250)) ** 0.5
    taken_back = sum(len(step) for one in done for step in actions(one, "remask"))
    assert (taken_back > 0) == ("eta=0.0" not in schedule)
    assert all(sum(one.ledger.nfe.values()) <= 4 for one in done)


def test_remdm_by_confidence_takes_back_the_less_sure_more_often() -> None:
    law = certain([0.99] * 4 + [0.12] * 4)
    done = generate(Fake(law), [prompt(8, index=index) for index in range(400)], "remdm:schedule=conf,steps=4", 64)
    taken = np.bincount([at for one in done for step in actions(one, "remask") for at in step], minlength=8)
    assert taken[4:].sum() > 1.2 * taken[:4].sum() > 0


def test_saber_commits_n_at_least_and_remasks_the_steepest_falls_even_of_what_it_just_committed() -> None:
    """Nothing changes after the first step, so the lowest position counts as the steepest fall; the last step remasks none."""
    (done,) = generate(Fake(certain([0.9, 0.8, 0.7, 0.6])), [prompt(4)], "saber:n=2")
    assert actions(done, "commit") == [[0, 1], [1, 2], [0, 3]] and actions(done, "remask") == [[1], [0], []]


def test_saber_reaches_back_over_blocks() -> None:
    """At the first step of a block only positions of earlier blocks have a step before, so one of them is remasked."""
    (done,) = generate(Fake(noisy()), [prompt(8)], "saber:n=2,block=4")
    full = next(step for step in range(8) if standing(done)[step] == 4)
    assert max(actions(done, "commit")[full + 1]) >= 4 and max(actions(done, "remask")[full + 1]) < 4


@settings(max_examples=40, deadline=None)
@given(canvas=CANVASES, n=st.integers(1, 6), ratio=st.integers(1, 8), index=st.integers(0, 9))
def test_saber_always_makes_progress(canvas: list[int], n: int, ratio: int, index: int) -> None:
    (done,) = generate(Fake(noisy()), [prompt(canvas, index=index)], f"saber:n={n},ratio={ratio}")
    for commits, remasks in zip(actions(done, "commit"), actions(done, "remask"), strict=True):
        counted = max(n, len(commits))
        assert len(remasks) <= min(max(n // 2, -(-counted // ratio)), counted - 1)
    assert actions(done, "remask")[-1] == []
    assert MASK not in done.token_ids and done.ledger.flags == ()
