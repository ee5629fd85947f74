"""Which tasks the harness's own fields describe, and that they compare answers as ours do. Needs no harness."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.integrations.lm_eval.task_file import FOLDS, beyond_fields, write_task
from parallelbench.metrics import score
from parallelbench.metrics.answers import folded
from parallelbench.schema import Sample
from parallelbench.tasks import load_task
from parallelbench.tasks.questions import QuestionTask

ROWS = '[{question: "1 + 1?", answer: "2"}, {question: "2 + 3?", answer: "5"}, {question: "sky?", answer: Blue}]'


def task_of(folder: Path, *lines: str, rows: str = ROWS) -> QuestionTask:
    path = folder / "mine.yaml"
    path.write_text("\n".join(["type: questions", f"questions: {rows}", *lines]) + "\n", encoding="utf-8")
    task = load_task(str(path))
    assert isinstance(task, QuestionTask)
    return task


def harness_fold(text: str) -> str:
    for pattern in FOLDS:
        text = re.sub(pattern, "", text)
    return text.lower()


@settings(max_examples=100)
@given(st.text(alphabet=" \t\n\r*_'\".,;:!?()[]{}$5aBé\u00ad\u200b“”。", max_size=9))
@example("...5")
@example("$.5.")
@example(". .5")
def test_the_harness_folds_answers_as_we_do(text: str) -> None:
    for right in ("5", ".5", "ab", "b", "a.b"):
        assert (harness_fold(text) == harness_fold(right)) == (folded(text.strip()) == folded(right)), text


@settings(max_examples=60)
@given(st.text(alphabet=" \t\n\r\x0b\u2028#.a5", max_size=12))
@example("####\n\n 5 a\n")
@example("a ### 5 #### ")
def test_the_harness_reads_answers_where_we_do(text: str) -> None:
    for read, (sample, pattern) in READERS.items():
        found = re.findall(pattern, text)
        ours = score(sample, text, ["answer_exact_strict"])["answer_exact_strict"]
        assert float((found[-1].strip() if found else "") == "5") == ours, (read, text)


@pytest.fixture(scope="module", autouse=True)
def written(tmp_path_factory: pytest.TempPathFactory) -> None:
    for read in ("last_line", 'after: "##"'):
        folder = tmp_path_factory.mktemp("read")
        task = task_of(folder, f"read: {{{read}}}" if ":" in read else f"read: {read}", "metric: exact")
        fields = yaml.safe_load(write_task(task, folder / "out").files[0].read_text(encoding="utf-8"))
        READERS[read] = task.sample(0, 1), fields["filter_list"][0]["filter"][0]["regex_pattern"]


READERS: dict[str, tuple[Sample, str]] = {}


@pytest.mark.parametrize(
    ("lines", "rows", "reason"),
    [
        ([], ROWS, ""),
        (["metric: exact", "system: Be brief."], ROWS, ""),
        (["read: last_line"], ROWS, ""),
        (['read: {after: "####"}'], ROWS, ""),
        ([], "[{question: q, answer: [New York, NYC]}]", "several words"),
        ([], "[{question: q, answer: Zürich}]", "other scripts"),
        (["metric: exact"], "[{question: q, answer: [New York, Zürich]}]", ""),
        (["metric: number"], '[{question: q, answer: "5"}]', "metric: number"),
        (["read: number", "metric: text"], '[{question: q, answer: "5"}]', "read: number"),
        (["read: {pattern: '[0-9]+'}"], '[{question: q, answer: "5"}]', "read: pattern"),
        (["metric: choice", "read: choice"], "[{question: q, choices: [a, b], answer: B}]", "read: choice"),
    ],
)
def test_fields_of_the_harness_are_used_where_they_suffice(tmp_path: Path, lines: list[str], rows: str, reason: str) -> None:
    task = task_of(tmp_path, *lines, rows=rows)
    found = beyond_fields(task)
    assert (found == "") == (reason == "") and reason in found
    made = write_task(task, tmp_path / "out")
    text = made.files[0].read_text(encoding="utf-8")
    assert made.name == "custom_mine" and ("!function" in text) == bool(reason)
    assert all(file.is_file() for file in made.files)


def test_the_command_says_what_scores_a_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task_of(tmp_path)
    assert invoke(["lm-task", str(tmp_path / "mine.yaml"), "-o", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert str(tmp_path / "out" / "custom_mine.yaml") in shown.out and "that of answer_text_strict" in shown.err
    assert invoke(["lm-task", str(tmp_path / "mine.yaml"), "-o", str(tmp_path / "out"), "--likelihood"]) == 2
    assert "has no choices to rank" in capsys.readouterr().err
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError):
        write_task(load_task(str(tmp_path / "mine.yaml")), tmp_path / "file")
    assert invoke(["lm-task", str(tmp_path / "gone.yaml"), "-o", str(tmp_path / "out")]) == 2
