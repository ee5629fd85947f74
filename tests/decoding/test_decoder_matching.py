"""Matching: one forward where tokens exclude each other, one by one where they do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import MASK, VOCABULARY, Fake, generate, prompt
from hypothesis import given
from hypothesis import strategies as st

from parallelbench import run
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.decoding.decoders.exclusion import components
from parallelbench.decoding.decoders.joint_draw import best_matching, overlooked, sampled_matching
from parallelbench.experiments.distribution import measure
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep
from parallelbench.metrics import score
from parallelbench.models import load_model
from parallelbench.schema import Prompt
from parallelbench.tasks import load_task

EXCLUSIVE = ("shuffle", "insert_random", "remove_random", "replace_random")


@pytest.mark.parametrize("name", EXCLUSIVE)
def test_one_forward_is_enough_for_the_random_list_operations(name: str) -> None:
    (row,) = run("exact", f"waiting_line/{name}", "matching", limit=12).rows
    assert row.accuracy == 1.0
    assert row.nfe == 1.0


def test_a_replacement_that_is_hardly_likely_anywhere_is_still_made_once() -> None:
    (row,) = run("exact", "list_ops/replace_random:lengths=[12]", "matching", limit=12).rows
    assert (row.accuracy, row.nfe) == (1.0, 1.0)


def test_a_latin_square_is_filled_row_by_row() -> None:
    (row,) = run("exact", "puzzle/latin_square_n4", "matching", limit=12).rows
    assert row.accuracy == 1.0
    assert row.nfe <= 5.0  # threshold takes 13


@pytest.mark.parametrize(("new", "used"), [(0.12, True), (0.08, False)])
def test_a_token_that_no_position_prefers_is_used_if_that_is_more_likely_than_not(new: float, used: bool) -> None:
    p = np.hstack([(1 - new) * np.eye(5), np.full((5, 1), new)])  # five names that stay, and one that may replace any of them
    assert overlooked(p).tolist() == [False] * 5 + [used]
    assert (5 in best_matching(p, np.full(p.shape, 0.5))) == used


def test_nothing_is_overlooked_where_all_is_equally_likely() -> None:
    assert not overlooked(np.full((4, 5), 0.2)).any()


def test_at_temperature_one_every_slot_is_replaced_equally_often() -> None:
    task = load_task("list_ops/replace_random:lengths=[5]")
    model, decoder = load_model("exact"), load_decoder("matching:temperature=1")
    sample = task.sample(0, 0, 0)
    given_items = sample.facts["items"]
    seen: Counter[int] = Counter()
    prompts = [make_prompt(model, replace(sample, index=i), task.max_new_tokens, infill=True) for i in range(400)]
    for done in Engine(model).generate(prompts, decoder):
        answer = done.text.strip("[]").replace('"', "").split(", ")
        changed = [i for i, (now, before) in enumerate(zip(answer, given_items, strict=True)) if now != before]
        assert len(changed) == 1
        seen[changed[0]] += 1
    expected = 400 / 5
    assert sum((seen[i] - expected) ** 2 / expected for i in range(5)) < 18.5  # chi-squared, 4 degrees of freedom, p = .001


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_components_part_the_rows_and_share_no_column(rows: int, columns: int, seed: int) -> None:
    possible = np.random.default_rng(seed).random((rows, columns)) < 0.2
    parts = list(components(possible))
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    used = [set(np.flatnonzero(possible[part].any(0)).tolist()) for part in parts]
    assert sum(map(len, used)) == len(set().union(*used))


def test_a_group_whose_tokens_cannot_be_matched_is_none() -> None:
    """Five positions share four tokens, and a sixth brings two of its own, so that the numbers fit and the tokens do not."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        p = np.full(VOCABULARY, 1e-9)
        p[[3, 4, 5, 6] if position < 5 else [3, 7, 8]] = 0.25 if position < 5 else (0.03, 0.5, 0.47)
        return np.log(p)

    (done,) = generate(Fake(law), [prompt(6)], "matching")
    assert all(sure is not None and sure > 0.02 for step in done.ledger.history for _, _, sure, _ in step)


@pytest.mark.parametrize("name", ["insert_random:lengths=[4]", "remove_random:lengths=[5]", "replace_random:lengths=[8]"])
def test_at_temperature_one_the_right_answers_are_equally_likely(name: str) -> None:
    sweep = Sweep(models=("exact",), tasks=(f"list_ops/{name},infill=true",), decoders=("matching:temperature=1",), limit=1)
    pool = ModelPool()
    found = measure(plan(sweep, pool)[0], pool, 400)
    assert found.valid == 400 and found.nfe == 1.0
    assert found.goodness is not None and found.goodness.p > 1e-4


@pytest.mark.parametrize("count", [13, 50])
def test_long_shuffles_are_right_at_once_and_do_not_repeat(count: int) -> None:
    task = load_task(f"waiting_line/shuffle:lengths=[{count}],infill=true,max_new_tokens=200")
    model, sample = load_model("exact"), task.sample(0, 0, 0)
    prompts = [make_prompt(model, replace(sample, index=i), 200, infill=True) for i in range(12)]
    for decoder in ("matching", "matching:temperature=1"):
        done = list(Engine(model).generate(prompts, load_decoder(decoder)))
        assert all(score(sample, one.text, task.metrics[:1])[task.metrics[0]] == 1.0 for one in done)
        assert len({one.text for one in done}) == 12 and all(one.ledger.nfe == {"denoise": 1} for one in done)


def test_a_group_that_only_seemed_to_be_one_is_taken_back() -> None:
    """Two positions compete for two tokens by their numbers, but in truth hold the same; a third keeps a forward open."""

    def law(asked: Prompt, canvas: npt.NDArray[np.int64], position: int) -> npt.ArrayLike:
        p = np.full(VOCABULARY, 1e-9)
        others = [int(canvas[at]) for at in range(2) if at != position and canvas[at] != MASK]
        if position == 2:
            p[[9, 10]] = (0.53, 0.47)
        elif others:
            p[others[0]] = 1.0  # both hold the same token after all
        else:
            p[[5, 6]] = (0.55, 0.45) if position == 0 else (0.45, 0.55)
        return np.log(p + 1e-12)

    (done,) = generate(Fake(law), [prompt([MASK, MASK, MASK, 4])], "matching:floor=0.3,gamma=0.99,slack=0.1")
    assert done.token_ids[0] == done.token_ids[1]
    (untested,) = generate(Fake(law), [prompt([MASK, MASK, MASK, 4])], "matching:floor=0.3,gamma=0.99,slack=0.1,back=0")
    assert untested.token_ids[0] != untested.token_ids[1]


@given(st.integers(2, 7), st.integers(0, 1), st.integers(0, 2**32 - 1))
def test_a_sampled_matching_uses_every_token_at_most_once(rows: int, more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    strings = np.array([rng.permutation(rows + more)[:rows] for _ in range(4)])
    p = np.mean([np.eye(rows + more)[string] for string in strings], axis=0)
    column = sampled_matching(p, rng.random(rows), rng.random(rows + more), 1.0)
    if column is not None:
        assert len(set(column.tolist())) == rows and (p[np.arange(rows), column] > 0).all()
