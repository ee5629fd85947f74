"""A canvas in which right answers do not fit: made longer where nobody fixed it, refused with the numbers, or said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.errors import UserError
from parallelbench.experiments.canvas import IN_THE_PAPER, CheckedSamples, measure, with_room
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep
from parallelbench.models import describe
from parallelbench.tasks import TASKS, load_task, official_tasks

MODELS = ("tiny", "exact:tokenizer=tiny")
OFFICIAL = [parent / "shared" / "official" / "test" for parent in Path(__file__).resolve().parents]
N15 = next((folder for folder in OFFICIAL if (folder / "waiting_line_n15").is_dir()), None)


def handle(spec: str) -> DenoiserHandle:
    made = describe(spec)
    assert isinstance(made, DenoiserHandle)
    return made


# fault 63
@pytest.mark.parametrize("model", MODELS)
def test_a_canvas_that_nobody_fixed_is_made_long_enough(model: str) -> None:
    task = load_task("waiting_line/copy:lengths=[15]")
    roomy, note = with_room(task, handle(model), CheckedSamples(0, 10), False)
    fit = measure(task, handle(model), CheckedSamples(0, 10))
    assert (fit.checked, fit.too_long) == (10, 10) and fit.longest < roomy.max_new_tokens <= fit.longest + 32
    assert (
        note is not None
        and f"10 of 10 right answers of waiting_line/copy do not fit in 32 tokens of {handle(model).info.name}" in note
    )
    assert f"{roomy.max_new_tokens} tokens here (the longest answer has {fit.longest})" in note
    assert (
        measure(roomy, handle(model), CheckedSamples(0, 10)).too_long == 0
        and f"max_new_tokens={roomy.max_new_tokens}" in roomy.spec
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_canvas_that_the_user_fixed_is_refused_with_the_numbers(model: str) -> None:
    task = load_task("waiting_line/copy:max_new_tokens=8")
    longest = measure(task, handle(model), CheckedSamples(0, None)).longest
    with pytest.raises(UserError) as caught:
        with_room(task, handle(model), CheckedSamples(0, None), False)
    assert "right answers of waiting_line/copy do not fit in 8 tokens" in str(caught.value)
    assert f"the longest has {longest}" in str(caught.value) and "--allow-short-canvas" in str(caught.value)
    same, note = with_room(task, handle(model), CheckedSamples(0, None), True)
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
    assert with_room(task, handle(model), CheckedSamples(0, 20), False) == (task, None)


def test_all_tasks_of_the_paper_are_known() -> None:
    assert set(TASKS.names()) >= IN_THE_PAPER


def test_texts_and_frames_have_room_by_definition() -> None:
    for spec in ("words_to_sentence/easy:max_new_tokens=2", "waiting_line/copy:infill=true,max_new_tokens=2"):
        task = load_task(spec)
        assert with_room(task, handle("tiny"), CheckedSamples(0, 5), False) == (task, None)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=3), st.sampled_from(["copy", "shuffle", "insert_random", "sort"]))
def test_a_derived_canvas_holds_every_answer_that_was_measured(lengths: list[int], operation: str) -> None:
    task = load_task(f"waiting_line/{operation}:lengths={lengths}".replace(" ", ""))
    roomy, _ = with_room(task, handle("tiny"), CheckedSamples(0, 20), False)
    assert measure(roomy, handle("tiny"), CheckedSamples(0, 20)).too_long == 0 and roomy.max_new_tokens % 32 == 0


@pytest.fixture
def fifteen(tmp_path: Path) -> Path:
    """Lists of 15 people in the layout of the official data: its folder `waiting_line_n15`, with names of ours."""
    category, task = tmp_path / "waiting_line_n15", load_task("waiting_line/copy:lengths=[15]")
    category.mkdir()
    table = {f"{category.name}/copy": {"prompt": "Copy this list: {context}", "metric": "list_match_score"}}
    (category / "task_config.yaml").write_text(yaml.safe_dump(table), encoding="utf-8")
    answers = [task.sample(0, index).answer for index in range(6)]
    rows = [json.dumps({"input": {"context": answer}, "answer": answer}) for answer in answers]
    (category / "copy.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def check_fifteen(data: Path) -> None:
    """No run of lists of 15 starts in 32 tokens without a word; with a canvas that is long enough the right answer is right."""
    names = [name for name in official_tasks(data) if name.startswith("waiting_line_n15/")]
    assert names
    for name in names:
        task = load_task(name, "official", data)
        assert task.max_new_tokens == 32 and measure(task, handle("tiny"), CheckedSamples(0, 6)).too_long == 6
        with pytest.raises(
            UserError, match=rf"6 of 6 right answers of {name} do not fit in 32 tokens of tiny \(the longest has \d+\)"
        ):
            with_room(task, handle("tiny"), CheckedSamples(0, 6), False)
    sweep = Sweep(models=("tiny",), tasks=(names[0],), decoders=("one_by_one",), limit=6, suite="official", data_dir=data)
    with pytest.raises(UserError, match=r"do not fit.*--allow-short-canvas") as caught:
        plan(sweep, ModelPool())
    needed = str(caught.value).partition("max_new_tokens=")[2].partition(",")[0]
    (allowed,) = plan(sweep.model_copy(update={"allow_short_canvas": True}), ModelPool())
    assert allowed.cell.canvas_length == 32 and "cannot be right" in allowed.cautions[-1]
    (roomy,) = plan(sweep.model_copy(update={"tasks": (f"{names[0]}:max_new_tokens={needed}",)}), ModelPool())
    assert roomy.cell.canvas_length == int(needed) and not any("do not fit" in caution for caution in roomy.cautions)


def test_lists_of_fifteen_in_the_layout_of_the_official_data_are_refused(fifteen: Path) -> None:  # fault 63
    check_fifteen(fifteen)


@pytest.mark.skipif(
    N15 is None, reason="the official lists of 15 (shared/official/test/waiting_line_n15) are not above the checkout"
)
def test_the_official_lists_of_fifteen_are_refused() -> None:  # fault 63
    assert N15 is not None
    check_fifteen(N15)
