"""Questions of a user's own: every way to read an answer, versions by content, and one sentence for every mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import parallelbench as pb
from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.schema import FIXED_SUITES
from parallelbench.tasks import load_task

CAPITALS = """
type: questions
prompt: '{question} ({level}) End with "Answer: " and the word.'
read: {after: "Answer:"}
questions:
  - {question: Capital of France?, answer: Paris, level: easy}
  - {question: Capital of Japan?, answer: [Tokyo, Tokio], level: easy}
demonstrations:
  - {question: Capital of Italy?, answer: Rome, level: easy, shown: "In Italy. Answer: Rome"}
"""
ROWS = [{"question": "2 + 2?", "answer": 4}, {"question": "10 / 4?", "answer": 2.50}, {"question": "a?", "answer": "1,000"}]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_questions_with_a_demonstration(write) -> None:
    task = load_task(write(CAPITALS))
    assert (task.suite, task.name, task.samples, task.metrics) == (
        "questions", "custom/task", 2, ("answer_text", "answer_text_strict"),
    )  # fmt: skip
    assert task.suite in FIXED_SUITES and task.sample(0, 1).turns == task.sample(1, 1).turns
    shown, answer, asked = task.sample(0, 1).turns
    assert shown.text == 'Capital of Italy? (easy) End with "Answer: " and the word.'
    assert (answer.text, asked.text.split("?")[0]) == ("In Italy. Answer: Rome", "Capital of Japan")
    assert task.sample(0, 1).answer == "Answer: Tokyo"
    texts = {"Answer: Tokyo": (1, 1), "It is so. Answer: tokio.": (1, 1), "Tokyo": (1, 0), "Answer: Rome": (0, 0), "": (0, 0)}
    for text, verdict in texts.items():
        assert tuple(score(task.sample(0, 1), text, task.metrics).values()) == verdict, text
    assert len(load_task(write(CAPITALS) + ":shots=0").sample(0, 0).turns) == 1


def test_a_file_of_lines_is_a_task(write) -> None:
    path = write(lines(ROWS), "sums.jsonl")
    task = load_task(f"{path}:read=number,metric=number")
    assert [task.sample(0, index).answer for index in range(3)] == ["4", "2.5", "1,000"]
    assert task.sample(0, 0).turns[-1].text == "2 + 2?" and len(task.sample(0, 0).turns) == 1
    marked = load_task(path + ':read="after: ####",metric=number,answer_format="so #### {answer}"')
    assert marked.sample(0, 2).answer == "so #### 1,000"
    assert load_task(path + ":samples=2").samples == 2


def test_numbers_are_kept_as_they_are_written(write) -> None:
    write('{"question": "a", "answer": 2.50}\n', "q.jsonl")
    one = load_task(write("type: questions\nquestions: q.jsonl\nmetric: exact"))
    two = load_task(write("type: questions\nquestions: [{question: a, answer: 2.50}]\nmetric: exact", "two.yaml"))
    assert one.sample(0, 0).answer == two.sample(0, 0).answer == "2.50"


def test_multiple_choice_takes_letters_and_texts(write) -> None:
    rows = [
        {"question": "sky?", "choices": ["red", "blue"], "answer": "B"},
        {"question": "blood?", "choices": ["red", "blue"], "answer": "red"},
    ]
    path = write(lines(rows), "q.jsonl")
    task = load_task(
        write(f"type: questions\nquestions: {path}\nread: choice\nmetric: choice\nprompt: |\n  {{question}}\n  {{choices}}")
    )
    assert task.sample(0, 0).turns[-1].text == "sky?\nA. red\nB. blue"
    assert [task.sample(0, index).answer for index in (0, 1)] == ["B", "A"]
    assert score(task.sample(0, 1), "The answer is (A).", task.metrics) == {"answer_choice": 1, "answer_choice_strict": 1}


@pytest.mark.parametrize(
    ("read", "metric", "answer"),
    [
        ("whole", "exact", "x"),
        ("last_line", "text", "x"),
        ("{after: '####'}", "number", "#### 7"),
        ("{pattern: '<([^>]*)>'}\nanswer_format: '<{answer}>'", "exact", "<x>"),
        ("number", "number", "7"),
        ("{json: a.b}", "text", '{"a": {"b": "x"}}'),
        ("boxed", "math", "\\boxed{x}"),
        ("whole", "contains", "x"),
    ],
)
def test_the_right_answer_of_every_way_scores_one(write, read: str, metric: str, answer: str) -> None:
    known = "7" if metric == "number" else "x"
    task = load_task(write(f"type: questions\nread: {read}\nmetric: {metric}\nquestions: [{{question: q, answer: '{known}'}}]"))
    sample = task.sample(0, 0)
    assert sample.answer == answer
    assert set(score(sample, sample.answer, task.metrics).values()) == {1.0}


def test_a_changed_row_is_another_version(write) -> None:
    write(lines(ROWS), "q.jsonl")
    task = write("type: questions\nquestions: q.jsonl\nmetric: number\nread: number")
    before = load_task(task).fingerprint
    assert load_task(task).fingerprint == before
    write(lines([*ROWS[:2], {"question": "a?", "answer": "1,001"}]), "q.jsonl")
    assert load_task(task).fingerprint != before


def test_files_with_other_keys(write) -> None:
    write('{"problem": "1 + 1?", "truth": "2"}\n', "q.jsonl")
    task = load_task(write("type: questions\nquestions: q.jsonl\ncolumns: {question: problem, answer: truth}"))
    assert task.sample(0, 0).answer == "2"


def test_a_run_on_questions_continues_and_is_scored(write, tmp_path: Path) -> None:
    task = write(CAPITALS)
    results = pb.run("tiny2", task, "confidence:k=8", out=tmp_path / "out")
    assert results.frame["accuracy"].tolist() == [0.0, 0.0]
    cell = json.loads(next((tmp_path / "out" / "cells").glob("*/cell.json")).read_text(encoding="utf-8"))
    assert "Paris" not in json.dumps(cell) and "Capital" not in json.dumps(cell)  # a large file is not copied into each cell


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("answer: Paris", "answr: Paris", "questions 1 has no 'answer'; add it, or say which key it is: columns"),
        ("{question: Capital of France?, answer: Paris, level: easy}", "Paris", "questions 1 is no mapping"),
        ("Capital of France?, answer: Paris, level: easy", "Capital?, answer: Paris", "question 1 has no 'level'"),
        ("[Tokyo, Tokio]", "[]", "has no right answer"),
        ("[Tokyo, Tokio]", "{a: b}", "which is no text"),
        ("{question} (", "(", "does not show {question}"),
        ("{level}", "{levle}", "the field '{levle}'"),
        ('{after: "Answer:"}', "{before: x}", "no way to read an answer"),
        ('{after: "Answer:"}', "{pattern: '(a'}", "cannot be used"),
        ("type: questions", "type: questions\nmetric: nubmer", "'metric' is 'nubmer'"),
        ("type: questions", "type: questions\nmetric: choice", "question 1 has no choices"),
        ("type: questions", "type: questions\nsamples: 3", "it has 2 questions; choose samples=2"),
        ("type: questions", "type: questions\nshots: 2", "it has 1 demonstrations; choose shots=1"),
        ("type: questions", "type: questions\ninfill: true", "have no frame"),
        ("type: questions", "type: questions\nwords: [a]", "the key 'words', which type 'questions' does not know"),
        ("type: questions", "type: questions\nanswer_format: 'The answer'", "answer_format does not show {answer}"),
        ("type: questions", "type: questions\nanswer_format: 'It is {answer}'", "would be wrong: read: after finds None"),
        ("type: questions", "type: questions\nread: number\nmetric: number", "the key 'read' occurs a second time"),
        ("type: questions", "type: questions\ncolumns: {answr: x}", "names the column 'answr'; did you mean 'answer'"),
        ("type: questions", "type: questions\ncolumns: [x]", "write a mapping such as"),
        ("Capital of Italy?", "Capital of France?", "demonstration 1 is one of the questions"),
    ],
)
def test_a_mistake_is_one_sentence(write, old: str, new: str, message: str) -> None:
    assert old in CAPITALS
    with pytest.raises(UserError) as caught:
        load_task(write(CAPITALS.replace(old, new, 1)))
    text = str(caught.value)
    assert message in text
    assert "\n" not in text and text.endswith((".", "?"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"question": "\\ud800", "answer": "a"}', "surrogates not allowed"),
        ('{"question": "a"', "line 1 is no valid JSON"),
        ("[1, 2]", "is no mapping"),
        ('{"question": 1, "answer": true}', "which is no text"),
        ('{"question": "a", "answer": "b", "choices": ["b"]}', "has 1 choices"),
        ('{"question": "a", "answer": "x", "choices": ["b", "c"]}', "which is no choice"),
        ('{"question": "a", "answer": "x", "choices": "bc"}', "which is no list"),
        ("", "give at least one"),
        (json.dumps({"question": "a" * 100_001, "answer": "b"}), "100001 characters"),
    ],
)
def test_damaged_lines(write, content: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task(write(content, "q.jsonl"))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jsonl")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    (tmp_path / "folder.jsonl").mkdir()
    with (tmp_path / "huge.jsonl").open("wb") as file:
        file.truncate(1 << 40)
    cases = {"fifo": "no regular file", "zero": "no regular file", "folder": "a folder", "huge": "larger than", "no": "No such"}
    for name, message in cases.items():
        with pytest.raises(UserError, match=message):
            load_task(str(tmp_path / f"{name}.jsonl"))
