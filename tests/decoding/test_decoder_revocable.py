"""WINO, CoRe, T2M, LLaDA2.1's joint edit and P2: what they take back or overwrite, when, and that they come to an end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import MASK, VOCABULARY, Fake, certain, generate, noisy, orders, prompt
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.decoding import load_decoder
from parallelbench.doctor.shuffle import shuffle_share
from parallelbench.schema import Generation

FRAMES = st.lists(st.sampled_from([MASK, MASK, MASK, 4]), min_size=1, max_size=12).filter(lambda canvas: MASK in canvas)
SPECS = (
    "wino:gamma=0.2,back=0.9", "core:every=1", "core:k=2,every=1,compat=authors", "t2m:gamma=0.2,at=0.5",
    "t2m:gamma=0.2,detect=trigger,at=0.2", "t2m:gamma=0.2,detect=change,at=0.05", "joint_edit:gamma=0.2,edit=0.2",
    "p2:k=1,eta=4.0", "p2:k=3",
)  # fmt: skip


def actions(done: Generation, action: str) -> list[list[int]]:
    return [[position for position, *_, what in writes if what == action] for writes in done.ledger.history]


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=25, deadline=None)
@given(canvas=FRAMES, block=st.sampled_from(["", ",block=1", ",block=5"]), seed=st.integers(0, 3))
def test_each_ends_and_revises_only_what_it_committed(spec: str, canvas: list[int], block: str, seed: int) -> None:
    (done,) = generate(Fake(noisy()), [prompt(canvas)], spec + block, seed=seed)
    assert done.ledger.flags == () and MASK not in done.token_ids
    standing: set[int] = set()
    for writes in done.ledger.history:
        for position, _, _, action in writes:
            assert (position in standing) == (action in ("remask", "edit"))
            standing = standing - {position} if action == "remask" else standing | {position}
    assert standing == {position for position, token in enumerate(canvas) if token == MASK}


@settings(max_examples=40, deadline=None)
@given(canvas=FRAMES, gamma=st.sampled_from([0.1, 0.3, 0.6]), back=st.sampled_from([0.3, 0.9, 1.0]))
def test_wino_is_net_progress_and_commits_within_its_bounds(canvas: list[int], gamma: float, back: float) -> None:
    (done,) = generate(Fake(noisy()), [prompt(canvas)], f"wino:gamma={gamma},back={back}")
    masks, before = canvas.count(MASK), 1
    for committed, taken in zip(actions(done, "commit"), actions(done, "remask"), strict=True):
        assert 1 <= len(committed) <= max(5, int(0.7 * masks))
        assert len(taken) <= before - 1 and (len(committed) > 1 or not taken)
        masks += len(taken) - len(committed)
        before = len(committed)
    assert masks == 0 and len(done.ledger.history) <= canvas.count(MASK)


def test_wino_takes_back_what_the_rest_does_not_confirm() -> None:
    """Once everything else stands, position 1 is seen to be another token."""

    def law(asked, canvas, position):
        if position == 1 and canvas[0] != MASK:
            return certain([0.95] * 8, token=7)(asked, canvas, position)
        return certain([0.9, 0.8, 0.7, 0.65, 0.4, 0.4, 0.4, 0.4])(asked, canvas, position)

    (done,) = generate(Fake(law), [prompt(8)], "wino:gamma=0.6,back=0.3")
    assert orders(done)[0] == [0, 1, 2, 3] and all(not taken for taken in actions(done, "remask"))  # then one a step
    (wide,) = generate(Fake(law), [prompt(8)], "wino:gamma=0.35,back=0.3")
    assert orders(wide) == [[0, 1, 2, 3, 4], [5, 6, 7, 1], [1]] and actions(wide, "remask") == [[], [1], []]
    assert wide.token_ids[1] == 7
    (kept,) = generate(Fake(law), [prompt(8)], "wino:gamma=0.35,back=0.0")
    assert kept.token_ids[1] == 5


def test_core_remasks_what_the_probe_explains_worst() -> None:
    """Beside position 1, position 0 goes with its token; with both masked it prefers another one."""

    def law(asked, canvas, position):
        if position == 0 and canvas[3] != MASK:
            return certain([0.3] * 8, token=5 if canvas[1] != MASK else 7)(asked, canvas, position)
        return certain([0.95, 0.35, 0.85, 0.8, 0.2, 0.2, 0.2, 0.2])(asked, canvas, position)

    (done,) = generate(Fake(law), [prompt(8)], "core:every=4,candidates=2")
    assert actions(done, "remask")[5] == [0] and sum(map(len, actions(done, "remask"))) == 1
    assert done.ledger.nfe == {"denoise": 9, "probe": 1}  # the remask asks for one commit more
    (authors,) = generate(Fake(law), [prompt(8)], "core:every=4,candidates=2,compat=authors")
    assert authors.ledger.nfe == {"denoise": 8}  # the last 16 positions are never candidates


def test_core_looks_only_in_the_middle_of_a_window() -> None:
    (done,) = generate(Fake(certain([0.5] * 16)), [prompt(16)], "core:every=1")
    probes = [at for at, step in enumerate(actions(done, "remask")) if step]
    assert done.ledger.nfe["probe"] == 8 == len(probes)
    (sparse,) = generate(Fake(certain([0.5] * 16)), [prompt(16)], "core")
    assert sparse.ledger.nfe == {"denoise": 17, "probe": 1}


def test_core_of_the_authors_replaces_at_once() -> None:
    def law(asked, canvas, position):
        return certain([0.9] * 24, token=7 if canvas[8] != MASK and position == 3 else 5)(asked, canvas, position)

    (done,) = generate(Fake(law), [prompt(24)], "core:k=2,every=1,compat=authors")
    assert actions(done, "remask") == [[]] * len(done.ledger.history)
    assert [step for step in actions(done, "edit") if step] == [[3]] and done.token_ids[3] == 7


def edits(first: int, then: float):
    """Position 1 says 5 until position 0 stands; then 7 with probability `then`."""

    def law(asked, canvas, position):
        if position == 1 and canvas[0] != MASK:
            return certain([then] * 4, token=7)(asked, canvas, position)
        return certain([0.9, 0.8, 0.5, 0.4], token=first)(asked, canvas, position)

    return law


def test_joint_edit_overwrites_where_another_token_is_more_probable() -> None:
    (done,) = generate(Fake(edits(5, 0.8)), [prompt(4)], "joint_edit:gamma=0.7,edit=0.6")
    assert orders(done) == [[0, 1], [2, 1], [3], []] and actions(done, "edit")[1] == [1]
    assert done.token_ids == (5, 7, 5, 5)
    (timid,) = generate(Fake(edits(5, 0.8)), [prompt(4)], "joint_edit:gamma=0.7,edit=0.85")
    assert timid.token_ids == (5, 5, 5, 5)


def test_the_looks_after_the_last_mask_are_bounded_and_end_when_nothing_changes() -> None:
    (quiet,) = generate(Fake(certain([0.9] * 4)), [prompt(4)], "joint_edit:gamma=0.5")
    assert orders(quiet) == [[0, 1, 2, 3], []]
    (none,) = generate(Fake(certain([0.9] * 4)), [prompt(4)], "joint_edit:gamma=0.5,post=0")
    assert orders(none) == [[0, 1, 2, 3]]

    def restless(asked, canvas, position):
        return certain([0.9] * 4, token=5 if canvas[position] in (MASK, 7) else 7)(asked, canvas, position)

    (bounded,) = generate(Fake(restless), [prompt(4)], "joint_edit:gamma=0.5,post=3")
    assert len(orders(bounded)) == 4 and bounded.ledger.flags == ()


def test_t2m_remasks_instead_and_never_too_often() -> None:
    (done,) = generate(Fake(edits(5, 0.8)), [prompt(4)], "t2m:gamma=0.7")
    assert actions(done, "remask")[1] == [1] and done.token_ids == (5, 7, 5, 5)

    def restless(asked, canvas, position):
        return certain([0.9] * 4, token=5 if canvas[position] == MASK else 7)(asked, canvas, position)

    for limit in (0, 1, 3):
        (bounded,) = generate(Fake(restless), [prompt(4)], f"t2m:gamma=0.5,limit={limit}")
        taken = [position for step in actions(bounded, "remask") for position in step]
        assert sorted(taken) == sorted([*range(4)] * limit) and bounded.ledger.flags == ()
        assert all(len(step) <= 1 for step in actions(bounded, "remask"))  # a quarter of four


def test_t2m_detects_in_three_ways() -> None:
    """Position 1 falls from 0.8 to 0.45 when position 2 is filled; nothing else is preferred with 0.9."""

    def law(asked, canvas, position):
        p: npt.NDArray[np.float64] = np.full(VOCABULARY, 1e-9)
        fallen = position == 1 and canvas[2] != MASK
        p[5], p[7] = (0.45, 0.4) if fallen else ([0.9, 0.8, 0.3, 0.3][position], 0.05)
        p[6] = 1 - p.sum()
        return np.log(np.maximum(p, 1e-300))

    taken = {
        detect: [position for step in actions(done, "remask") for position in step]
        for detect, at in (("low", ",at=0.5"), ("trigger", ""), ("change", ""))
        for (done,) in [generate(Fake(law), [prompt(4)], f"t2m:gamma=0.7,limit=1,post=0,detect={detect}{at}")]
    }
    assert 1 in taken["low"] and taken["trigger"] == [] and taken["change"] == [1]


def test_t2m_change_is_a_fall_and_never_at_the_first_look() -> None:
    """A token that becomes surer by .5 is left alone, and so is one that falls at the first look at committed tokens."""

    def law(seen: int, before: float, after: float):
        def one(asked, canvas, position):
            p: npt.NDArray[np.float64] = np.full(VOCABULARY, 1e-9)
            p[5] = (after if canvas[seen] != MASK else before) if position == 1 else [0.9, 0.8, 0.3, 0.3][position]
            p[6] = 1 - p.sum()
            return np.log(np.maximum(p, 1e-300))

        return one

    for seen, before, after in ((2, 0.45, 0.95), (0, 0.8, 0.45)):
        (done,) = generate(Fake(law(seen, before, after)), [prompt(4)], "t2m:gamma=0.4,detect=change,post=0")
        assert not any(actions(done, "remask"))


def test_p2_keeps_k_more_each_step_and_eta_zero_never_takes_back() -> None:
    for k in (1, 2, 5):
        (done,) = generate(Fake(noisy()), [prompt(9)], f"p2:k={k},eta=3.0")
        kept = np.cumsum([len(a) - len(b) for a, b in zip(actions(done, "commit"), actions(done, "remask"), strict=True)])
        assert kept.tolist() == [min(9, k * step) for step in range(1, -(-9 // k) + 1)]
    (steady,) = generate(Fake(noisy()), [prompt(9)], "p2:k=2,eta=0.0")
    assert all(not step for step in actions(steady, "remask"))
    (restless,) = generate(Fake(noisy()), [prompt(9)], "p2:k=2,eta=3.0")
    assert any(actions(restless, "remask"))


@pytest.mark.parametrize("spec", ["wino:gamma=0.3,back=0.9", "joint_edit:gamma=0.2,edit=0.3", "p2:k=2"])
def test_repair_helps_on_shuffle_where_it_can(spec: str) -> None:
    """All at once is right on 9 in 100 shuffles of four; each of these revises, at a price in forwards."""
    plain, share = shuffle_share(load_decoder("all_at_once")), shuffle_share(load_decoder(spec))
    assert share.right > plain.right and share.forwards > plain.forwards
