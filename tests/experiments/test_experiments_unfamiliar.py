"""A small model on a task that it was not trained for: it runs, and the user is told which model to take."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelbench import load_model, run
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import load_decoders
from parallelbench.experiments.plan import pair, stand_ins, unfamiliar
from parallelbench.experiments.spec import Sweep
from parallelbench.tasks import load_task


def info(name: str) -> ModelInfo:
    return ModelInfo(name, "r", vocab_size=9, mask_id=1, end_ids=(2,), pad_id=0, context_length=2048)


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


def test_the_note_goes_with_the_work() -> None:
    sweep = Sweep(models="tiny", tasks="words_to_sentence/easy", decoders="one_by_one")
    (work,) = pair("tiny", info("tiny"), [load_task("words_to_sentence/easy")], load_decoders("one_by_one"), sweep)
    assert work.caution == unfamiliar(info("tiny"), work.task)


def test_the_shipped_model_that_was_trained_for_a_task_stands_in() -> None:
    names = ["waiting_line/copy", "words_to_sentence/easy", "puzzle/sudoku_n4_4", "paraphrase_summarize/summarization"]
    shares = stand_ins("tiny", [load_task(name) for name in names])
    assert {key: [task.name for task in tasks] for key, tasks in shares.items()} == {
        "tiny": ["waiting_line/copy", "puzzle/sudoku_n4_4"],
        "tiny-text": ["words_to_sentence/easy", "paraphrase_summarize/summarization"],
    }


@pytest.mark.parametrize("asked", ["exact", "path:somewhere", "llada-1.5", "tiny-text"])
def test_nobody_stands_in_for_a_model_that_was_asked_for_by_another_name(asked: str) -> None:
    tasks = [load_task("words_to_sentence/easy"), load_task("paraphrase_summarize/summarization")]
    assert stand_ins(asked, tasks) == {asked: tasks}


def test_who_stands_in_is_said() -> None:
    sweep = Sweep(models=("tiny",), tasks=("words_to_sentence/easy",), decoders=("one_by_one",))
    tasks, decoders = [load_task("words_to_sentence/easy")], load_decoders("one_by_one")
    (work,) = pair("tiny-text", info("tiny-text"), tasks, decoders, sweep, asked="tiny")
    assert work.caution == "tiny-text, which was trained for words_to_sentence/easy, stands in for tiny there."
    assert work.model == "tiny-text" and work.cell.model == "tiny-text"


def test_python_hands_a_task_on_as_the_command_line_does(tmp_path: Path) -> None:
    task = "words_to_sentence/easy:words=1,max_new_tokens=8"
    by_name = run("tiny", task, "all_at_once", limit=1, out=tmp_path / "name")
    loaded = run(load_model("tiny"), task, "all_at_once", limit=1, out=tmp_path / "loaded")
    assert [set(results.frame["model"]) for results in (by_name, loaded)] == [{"tiny-text"}, {"tiny"}]
