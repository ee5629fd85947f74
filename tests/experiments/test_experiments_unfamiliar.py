"""A small model on a task that it was not trained for: it runs, and the user is told which model to take."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelbench import load_model, run
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import load_decoders
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import cells_of
from parallelbench.experiments.spec import Sweep
from parallelbench.models.cards import CARDS
from parallelbench.models.facts import facts_of
from parallelbench.models.familiar import models_of, trained_for, unfamiliar
from parallelbench.tasks import load_task


def info(name: str) -> ModelInfo:
    shots = CARDS[name].shots if name in CARDS else None
    return ModelInfo(name, "r", vocab_size=9, mask_id=1, end_ids=(2,), pad_id=0, context_length=2048, shots=shots, card=name)


@pytest.mark.parametrize(
    ("model", "task", "expected"),
    [
        ("tiny", "words_to_sentence/easy", "use -m tiny-text"),
        ("tiny", "paraphrase_summarize/summarization", "use -m tiny-text"),
        ("tiny-text", "waiting_line/copy", "use -m tiny."),
        ("tiny", "puzzle/sudoku_n4_4", "was not trained for puzzle/sudoku_n4_4"),
    ],
)
def test_the_note_names_the_right_model(model: str, task: str, expected: str) -> None:
    note = unfamiliar(info(model), load_task(task))
    assert note is not None and expected in note and (";" in note) == ("use" in expected)


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("tiny", "waiting_line/shuffle"),
        ("tiny", "puzzle/sudoku_n4_12"),
        ("tiny-text", "words_to_sentence/hard:words=7"),
        ("llada-1.5", "words_to_sentence/hard"),
        ("exact", "waiting_line/copy"),
        ("GSAI-ML/LLaDA-1.5", "waiting_line/copy"),
    ],
)
def test_there_is_none_where_a_model_is_at_home_or_of_general_use(model: str, task: str) -> None:
    assert unfamiliar(info(model), load_task(task)) is None


# fault 64
@pytest.mark.parametrize(
    ("model", "task", "expected"),
    [
        ("tiny", "waiting_line/copy:lengths=[8]", "with lengths=[8]"),
        ("tiny", "waiting_line/copy:lengths=[3,7]", "with lengths=[3,7]"),
        ("tiny", "waiting_line/copy:shots=1", "with 1 demonstration,"),
        ("tiny", "waiting_line/copy:shots=2,lengths=[9]", "with lengths=[9], 2 demonstrations,"),
        ("tiny", "list_ops/copy:items=words", "with items=words"),
        ("tiny", "waiting_line/copy:max_new_tokens=64", "with max_new_tokens=64"),
        ("tiny-text", "words_to_sentence/easy:shots=1", "with 1 demonstration,"),
        ("tiny", "waiting_line/copy:wording=polite", "with wording=polite"),
        ("tiny", "puzzle/sudoku_n4_12:wording=task_first,shots=1", "with wording=task_first, 1 demonstration,"),
        ("tiny", "waiting_line/sort:names=wide,wording=plain", "with names=wide,"),
        ("tiny", "list_ops/copy:items=numbers,infill=false", "with infill=false, items=numbers,"),
        ("tiny2", "waiting_line/copy:lengths=[2,21]", "with lengths=[2,21]"),
        ("tiny2", "puzzle/latin_square_n4:shots=1", "with 1 demonstration,"),
        ("tiny2", "list_ops/shuffle:may_stay=true", "with may_stay=true"),
    ],
)
def test_options_that_a_model_was_not_trained_on_are_named(model: str, task: str, expected: str) -> None:
    note = unfamiliar(info(model), load_task(task))
    assert note is not None and expected in note and CARDS[model].training in note


@pytest.mark.parametrize(
    "task",
    ["waiting_line/copy:lengths=[3]", "waiting_line/copy:samples=7", "waiting_line/sort:shots=0", "puzzle/latin_square_n4"],
)
def test_options_that_a_model_was_trained_on_are_not(task: str) -> None:
    assert unfamiliar(info("tiny"), load_task(task)) is None


@pytest.mark.parametrize(
    "task",
    [
        "waiting_line/sort:names=wide,wording=polite,lengths=[2,12,20],max_new_tokens=96",
        "list_ops/sort:items=numbers,lengths=[20],infill=false,max_new_tokens=96",
        "puzzle/sudoku_n4_12:wording=task_first",
    ],
)
def test_the_second_generation_was_trained_on_more(task: str) -> None:
    assert unfamiliar(info("tiny2"), load_task(task)) is None
    assert unfamiliar(info("tiny"), load_task(task)) is not None


def test_a_task_goes_to_the_shipped_model_that_was_trained_for_it() -> None:
    assert trained_for(load_task("waiting_line/copy")) == ["tiny", "tiny2"]
    assert trained_for(load_task("list_ops/sort")) == ["tiny2"]
    assert models_of("tiny", [task := load_task("list_ops/sort")]) == {"tiny2": [task]}


def test_what_a_model_was_trained_with_is_a_line_for_each_family() -> None:
    lines = facts_of(info("tiny2"))["trained with"].splitlines()
    assert lines[0].startswith("waiting_line/*: 0 demonstrations; lengths 2 to 20; wording plain, polite or task_first")
    assert lines[2] == ("puzzle/latin_square_n4, puzzle/sudoku_n4_12: 0 demonstrations; wording plain, polite or task_first")
    assert "trained with" not in facts_of(info("llada-1.5"))


def test_prompts_in_other_words_are_named(tmp_path: Path) -> None:
    task = load_task("waiting_line/copy")
    official = type("Official", (type(task),), {"suite": "official"})(**task.model_dump())
    assert "of the suite official, which has other prompts" in str(unfamiliar(info("tiny"), official))


def test_the_note_goes_with_the_work() -> None:
    sweep = Sweep(models="tiny", tasks="words_to_sentence/easy", decoders="one_by_one")
    (planned,) = cells_of(
        "tiny:dtype=float32", ModelPool(), [load_task("words_to_sentence/easy")], load_decoders("one_by_one"), sweep
    )
    assert planned.cautions == (unfamiliar(info("tiny"), planned.task),)


def test_the_shipped_model_that_was_trained_for_a_task_stands_in() -> None:
    names = ["waiting_line/copy", "words_to_sentence/easy", "puzzle/sudoku_n4_4", "paraphrase_summarize/summarization"]
    shares = models_of("tiny", [load_task(name) for name in names])
    assert {key: [task.name for task in tasks] for key, tasks in shares.items()} == {
        "tiny": ["waiting_line/copy", "puzzle/sudoku_n4_4"],
        "tiny-text": ["words_to_sentence/easy", "paraphrase_summarize/summarization"],
    }


@pytest.mark.parametrize("asked", ["exact", "path:somewhere", "llada-1.5", "tiny-text"])
def test_nobody_stands_in_for_a_model_that_was_asked_for_by_another_name(asked: str) -> None:
    tasks = [load_task("words_to_sentence/easy"), load_task("paraphrase_summarize/summarization")]
    assert models_of(asked, tasks) == {asked: tasks}


def test_who_stands_in_is_said() -> None:
    sweep = Sweep(models=("tiny",), tasks=("words_to_sentence/easy",), decoders=("one_by_one",))
    tasks, decoders = [load_task("words_to_sentence/easy")], load_decoders("one_by_one")
    (planned,) = cells_of("tiny", ModelPool(), tasks, decoders, sweep)
    assert planned.cautions == ("tiny-text, which was trained for words_to_sentence/easy, runs it in the place of tiny.",)
    assert planned.model == "tiny-text" and planned.cell.model == "tiny-text"


def test_python_hands_a_task_on_as_the_command_line_does(tmp_path: Path) -> None:
    task = "words_to_sentence/easy:words=1,max_new_tokens=8"
    by_name = run("tiny", task, "all_at_once", limit=1, out=tmp_path / "name")
    loaded = run(load_model("tiny"), task, "all_at_once", limit=1, out=tmp_path / "loaded")
    assert [set(results.frame["model"]) for results in (by_name, loaded)] == [{"tiny-text"}, {"tiny"}]
