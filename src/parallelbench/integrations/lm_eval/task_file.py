"""Writes a task as a YAML file of lm-evaluation-harness.

Where the harness's own fields suffice, the file needs nothing but the harness: questions whose answer is the whole text, its
last line or what follows a marker, compared as it is written (`exact`) or without case and marks at its edges (`text`). Its
score is our strict metric. Any other task names our functions, which score it as `parallelbench run` does.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from parallelbench.errors import UserError
from parallelbench.metrics.answers import EDGES
from parallelbench.metrics.reading import LETTERS
from parallelbench.runs.disk import disk_errors, write_text
from parallelbench.specs import parse, render
from parallelbench.tasks import Task
from parallelbench.tasks.custom_file import is_custom
from parallelbench.tasks.question_rows import QuestionRow
from parallelbench.tasks.questions import QuestionTask

FUNCTIONS = Path(__file__).parent / "tasks" / "functions.py"
BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_EDGE = "[" + re.escape(EDGES) + "]"
FOLDS = ("[\u00ad\u200b\u2060\ufeff]", rf"\A(?!\.\d){_EDGE}+?(?=(?<!\.)\.\d|(?!{_EDGE})[\s\S]|\Z)", rf"{_EDGE}+\Z")
"""What the harness takes off an answer and its reference, in this order: the rules of `metrics.answers.folded`."""


@dataclass(frozen=True, slots=True)
class WrittenTask:
    """What was written: the name of the task in the harness, its files, and what scores it."""

    name: str
    files: tuple[Path, ...]
    note: str


def write_task(task: Task, folder: Path, likelihood: bool = False) -> WrittenTask:
    """Write a task into a folder, for `lm_eval --include_path FOLDER`.

    Args:
        task: the task.
        folder: is made where it does not exist; files of the same name are replaced.
        likelihood: rank the choices by their likelihood, the harness's usual way, in place of reading a text.

    Raises:
        UserError: the folder cannot be written, or `likelihood` is wanted of a task without choices.
    """
    if likelihood and not (isinstance(task, QuestionTask) and task.metric == "choice"):
        raise UserError(f"{task.name} has no choices to rank by likelihood; leave --likelihood out.")
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", task.name)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    lacking = "" if likelihood else beyond_fields(task)
    if lacking:
        write_text(path, _with_functions(task, name))
        with disk_errors(folder):
            shutil.copyfile(FUNCTIONS, folder / FUNCTIONS.name)
        note = f"the harness scores it by our functions, so parallelbench must be installed there ({lacking})"
        return WrittenTask(name, (path, folder / FUNCTIONS.name), note)
    assert isinstance(task, QuestionTask)
    files = {"test": folder / f"{name}.jsonl"}
    write_text(files["test"], _lines(_row(task, index, likelihood) for index in task.order(0)))
    if task.shots_shown(None):
        files["demonstrations"] = folder / f"{name}.demonstrations.jsonl"
        write_text(files["demonstrations"], _lines(_demonstration(task, n, likelihood) for n in range(task.shots_shown(None))))
    fields = _fields(task, name, files) | (_ranked(task) if likelihood else _generated(task))
    write_text(path, yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=120))
    note = "the harness ranks the choices by likelihood" if likelihood else f"its score is that of answer_{task.metric}_strict"
    return WrittenTask(name, (path, *files.values()), note)


def beyond_fields(task: Task) -> str:
    """Say why the harness's own fields do not suffice for a task; "" where they do."""
    if not isinstance(task, QuestionTask):
        return "its samples are drawn by parallelbench"
    if task.read.way not in ("whole", "last_line", "after"):
        return f"read: {task.read.way} has no equal there"
    if task.metric not in ("exact", "text"):
        return f"metric: {task.metric} has no equal there"
    answers = [answer for row in task.questions for answer in row.answers]
    if task.metric == "text" and not all(one.isascii() and len(one.split()) == 1 and one.strip(EDGES) for one in answers):
        return "answers of several words or in other scripts are compared by rules that it does not have"
    return ""


def _fields(task: QuestionTask, name: str, files: Mapping[str, Path]) -> dict[str, Any]:
    """What both forms have in common: where the data are, and the prompt."""
    shown: dict[str, Any] = {"num_fewshot": task.shots_shown(None)}
    if "demonstrations" in files:
        shown |= {
            "fewshot_split": "demonstrations",
            "fewshot_config": {"sampler": "first_n", "split": "demonstrations", "doc_to_target": "{{shown}}"},
        }
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {split: str(path.resolve()) for split, path in files.items()}},
        "test_split": "test",
        "doc_to_text": "{{prompt}}",
        **({"description": "{{system}}"} if task.system else {}),
        **shown,
        "metadata": {"version": task.version},
    }


def _generated(task: QuestionTask) -> dict[str, Any]:
    """Decode a text and compare what is read from it."""
    line, marker = f"[^{BREAKS}]", re.escape(task.read.argument or "")
    patterns = {"last_line": rf"{line}*\S{line}*", "after": rf"\A[\s\S]*{marker}\s*({line}*)"}
    strip: dict[str, Any] = {"function": "remove_whitespace"}
    if task.read.way != "whole":
        strip = {"function": "regex", "regex_pattern": patterns[task.read.way], "group_select": -1, "fallback": ""}
    metric: dict[str, Any] = {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}
    if task.metric == "text":
        metric |= {"ignore_case": True, "regexes_to_ignore": list(FOLDS)}
    return {
        "output_type": "generate_until",
        "doc_to_target": "answer",
        "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": task.max_new_tokens},
        "filter_list": [{"name": "strict", "filter": [strip, {"function": "take_first"}]}],
        "metric_list": [metric],
    }


def _ranked(task: QuestionTask) -> dict[str, Any]:
    """Compare the likelihoods of the choices."""
    metrics = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm")]
    return {"output_type": "multiple_choice", "doc_to_choice": "choices", "doc_to_target": "answer", "metric_list": metrics}


def _row(task: QuestionTask, index: int, likelihood: bool) -> dict[str, Any]:
    return _columns(task, task.questions[index], task.sample(0, index).turns[-1].text, "", likelihood)


def _demonstration(task: QuestionTask, number: int, likelihood: bool) -> dict[str, Any]:
    asked, shown = task.sample(0, 0).turns[bool(task.system) + 2 * number :][:2]
    return _columns(task, task.demonstrations[number], asked.text, shown.text, likelihood)


def _columns(task: QuestionTask, row: QuestionRow, prompt: str, shown: str, likelihood: bool) -> dict[str, Any]:
    """A row of the data; questions and demonstrations have the same columns, because the harness reads them as one table."""
    several = any(len(one.answers) > 1 for one in (*task.questions, *task.demonstrations))
    answers: list[Any] = [LETTERS.index(one) for one in row.answers] if likelihood else list(row.answers)
    found: dict[str, Any] = {"prompt": prompt, "shown": shown, "system": task.system}
    found["answer"] = answers if several else answers[0]
    if likelihood:
        letters = "{choices}" in task.prompt
        found["choices"] = list(LETTERS[: len(row.choices)]) if letters else list(row.choices)
    return found


def _lines(rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _with_functions(task: Task, name: str) -> str:
    """A task that our functions make and score; a file is named by its absolute path."""
    spec = task.spec
    if is_custom(spec):
        file, options = parse(spec)
        spec = render(str(Path(file).resolve()), options)
    fields = {
        "task": name,
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{text}}",
        "doc_to_target": "{{answer}}",
        "num_fewshot": 0,
        "repeats": 1,
        "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": task.max_new_tokens},
        "metric_list": [{"metric": one, "aggregation": "mean", "higher_is_better": True} for one in task.metrics],
        "metadata": {"version": task.version, "spec": spec},
    }
    functions = "custom_dataset: !function functions.documents\nprocess_results: !function functions.scores\n"
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=120) + functions
