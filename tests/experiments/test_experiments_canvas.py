"""A canvas in which right answers do not fit: made longer where nobody fixed it, refused with the numbers, or said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.errors import UserError
from parallelbench.experiments.canvas import IN_THE_PAPER, measure, with_room
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep
from parallelbench.models import describe
from parallelbench.tasks import TASKS, load_task

MODELS = ("tiny", "exact:tokenizer=tiny")


def handle(spec: str) -> DenoiserHandle:
    made = describe(spec)
    assert isinstance(made, DenoiserHandle)
    return made


# fault 63
@pytest.mark.parametrize("model", MODELS)
def test_a_canvas_that_nobody_fixed_is_made_long_enough(model: str) -> None:
    task = load_task("waiting_line/copy:lengths=[15]")
    roomy, note = with_room(task, handle(model), 0, 10, False)
    fit = measure(task, handle(model), 0, 10)
    assert (fit.checked, fit.too_long) == (10, 10) and fit.longest < roomy.max_new_tokens <= fit.longest + 32
    assert (
        note is not None
        and f"10 of 10 right answers of waiting_line/copy do not fit in 32 tokens of {handle(model).info.name}" in note
    )
    assert f"{roomy.max_new_tokens} tokens here (the longest answer has {fit.longest})" in note
    assert measure(roomy, handle(model), 0, 10).too_long == 0 and f"max_new_tokens={roomy.max_new_tokens}" in roomy.spec


@pytest.mark.parametrize("model", MODELS)
def test_a_canvas_that_the_user_fixed_is_refused_with_the_numbers(model: str) -> None:
    task = load_task("waiting_line/copy:max_new_tokens=8")
    longest = measure(task, handle(model), 0, None).longest
    with pytest.raises(UserError) as caught:
        with_room(task, handle(model), 0, None, False)
    assert "right answers of waiting_line/copy do not fit in 8 tokens" in str(caught.value)
    assert f"the longest has {longest}" in str(caught.value) and "--allow-short-canvas" in str(caught.value)
    same, note = with_room(task, handle(model), 0, None, True)
    assert same is task and note is not None and "cannot be right" in note


def test_a_sweep_refuses_and_allows_it() -> None:
    sweep = Sweep(models=("tiny",), tasks=("waiting_line/copy:max_new_tokens=4",), decoders=("one_by_one",), limit=3)
    with pytest.raises(UserError, match="3 of 3 right answers"):
        plan(sweep, ModelPool())
    (planned,) = plan(sweep.model_copy(update={"allow_short_canvas": True}), ModelPool())
    assert planned.cell.canvas_length == 4 and "3 of 3 right answers" in planned.cautions[-1]


def test_the_cell_says_the_derived_canvas() -> None:
    sweep = Sweep(models=("tiny",), tasks=("waiting_line/copy:lengths=[15]",), decoders=("confidence:k=1,block=32",), limit=3)
    (planned,) = plan(sweep, ModelPool())
    assert planned.cell.canvas_length == planned.task.max_new_tokens > 32 and planned.cell.canvas_length % 32 == 0


@pytest.mark.parametrize("model", [*MODELS, "exact"])
@pytest.mark.parametrize("name", sorted(IN_THE_PAPER))
def test_the_papers_tasks_keep_their_canvas(name: str, model: str) -> None:
    task = load_task(name)
    assert with_room(task, handle(model), 0, 20, False) == (task, None)


def test_all_tasks_of_the_paper_are_known() -> None:
    assert set(TASKS.names()) >= IN_THE_PAPER


def test_texts_and_frames_have_room_by_definition() -> None:
    for spec in ("words_to_sentence/easy:max_new_tokens=2", "waiting_line/copy:infill=true,max_new_tokens=2"):
        task = load_task(spec)
        assert with_room(task, handle("tiny"), 0, 5, False) == (task, None)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=3), st.sampled_from(["copy", "shuffle", "insert_random", "sort"]))
def test_a_derived_canvas_holds_every_answer_that_was_measured(lengths: list[int], operation: str) -> None:
    task = load_task(f"waiting_line/{operation}:lengths={lengths}".replace(" ", ""))
    roomy, _ = with_room(task, handle("tiny"), 0, 20, False)
    assert measure(roomy, handle("tiny"), 0, 20).too_long == 0 and roomy.max_new_tokens % 32 == 0
