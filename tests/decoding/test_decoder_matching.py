"""Matching: one forward where tokens exclude each other, one by one where they do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from decoding_fakes import VOCABULARY, Fake, generate, prompt
from hypothesis import given
from hypothesis import strategies as st

from parallelbench import run
from parallelbench.decoding import Engine, load_decoder, make_prompt
from parallelbench.decoding.decoders.matching import Matching, _components, _overlooked
from parallelbench.decoding.state import State
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
    assert _overlooked(p).tolist() == [False] * 5 + [used]
    assert (5 in Matching()._assign(p, np.arange(5), cast(State, None))) == used


def test_nothing_is_overlooked_where_all_is_equally_likely() -> None:
    assert not _overlooked(np.full((4, 5), 0.2)).any()


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
    parts = list(_components(possible))
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
