"""A demonstration never gives the answer away, and repeated questions are said (fault 18)."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import notes, plan
from parallelbench.experiments.spec import Sweep
from parallelbench.metrics import score
from parallelbench.schema import Sample
from parallelbench.specs import build
from parallelbench.tasks import load_task

CUSTOM = """\
name: mine/{type}
type: {type}
prompt: "{prompt}"
words: {words}
lengths: {lengths}
"""
PROMPTS = {
    "copy": "Copy {context}",
    "sort": "Sort {context}",
    "shuffle": "Shuffle {context}",
    "replace_random": "Put {word} into {context}",
}


def custom(folder: Path, kind: str, words: list[str], lengths: list[int], **more: object) -> str:
    path = folder / f"{kind}.yaml"
    path.write_text(CUSTOM.format(type=kind, prompt=PROMPTS[kind], words=words, lengths=lengths), encoding="utf-8")
    return f"{path}" + "".join(f":{key}={value}" for key, value in more.items())


def gives_the_answer_away(sample: Sample, metric: str) -> bool:
    """The metric itself as judge: does any shown answer score on the question?"""
    shown = [turn.text for turn in sample.turns[:-1] if turn.role == "assistant"]
    return any(score(sample, text, [metric])[metric] == 1.0 for text in shown)


@pytest.mark.parametrize(
    "name", ["puzzle/sudoku_n4_12", "puzzle/sudoku_n4_4", "puzzle/latin_square_n3", "waiting_line/shuffle", "list_ops/copy"]
)
def test_no_demonstration_of_ours_answers_its_question(name: str) -> None:
    task = load_task(name)
    samples = [task.sample(seed, index, shots=2) for seed in range(4) for index in range(150)]
    assert not [sample.id for sample in samples if gives_the_answer_away(sample, task.metrics[0])]


@pytest.mark.parametrize(("kind", "words", "lengths"), [("copy", ["a", "b", "c"], [2]), ("shuffle", ["a", "b", "c", "d"], [3]),
                                                         ("replace_random", ["a", "b", "c"], [2])])  # fmt: skip
def test_nor_one_of_a_task_with_few_words(tmp_path: Path, kind: str, words: list[str], lengths: list[int]) -> None:
    task = load_task(custom(tmp_path, kind, words, lengths))
    samples = [task.sample(0, index, shots=1) for index in range(100)]
    assert not [sample.id for sample in samples if gives_the_answer_away(sample, task.metrics[0])]
    assert not [sample.id for sample in samples if sample.turns[0].text == sample.turns[-1].text]


def test_where_there_is_no_other_question_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    task = load_task(custom(tmp_path, "sort", ["a", "b", "c"], [3]))  # every question has one answer
    with pytest.raises(UserError, match=r"no demonstration that does not give the answer .* set shots=0"):
        task.sample(0, 0, shots=1)
    assert task.sample(0, 0, shots=0).turns


def test_a_plan_says_how_many_different_questions_there_are(tmp_path: Path) -> None:
    few = custom(tmp_path, "copy", ["a", "b", "c"], [2])
    asked = {"models": "exact", "tasks": few, "decoders": "confidence", "shots": 0, "limit": 50}
    (note,) = notes(plan(build(Sweep, "test", asked), ModelPool()), 50)
    assert "asks 6 different questions in 50 samples" in note
    asked["tasks"] = custom(tmp_path, "replace_random", [chr(97 + i) for i in range(26)], [5])
    assert notes(plan(build(Sweep, "test", asked), ModelPool()), 50) == []
