"""A small model on a task that it was not trained for: it runs, and the user is told which model to take."""

from __future__ import annotations

import pytest

from parallelbench.decoding import load_decoders
from parallelbench.experiments.plan import pair, unfamiliar
from parallelbench.experiments.spec import Sweep
from parallelbench.models.base import ModelInfo
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
