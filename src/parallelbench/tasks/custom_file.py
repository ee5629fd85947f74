"""Reads a task from a user's file: `load_task("my_task.yaml:samples=20")` or `load_task("rows.jsonl")`; see docs/tasks.md."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parallelbench.errors import UnknownName, UserError, suggestion
from parallelbench.files import read_text, read_yaml
from parallelbench.specs import build, parse
from parallelbench.tasks.custom import CustomLatinSquare, CustomList, CustomSudoku, CustomTask, Origin
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.tasks.question_rows import OF_A_ROW, QuestionRow, read_rows, rows_of
from parallelbench.tasks.questions import QuestionTask

ADVICE = "docs/tasks.md shows what a task file holds"
SUFFIXES = (".yaml", ".yml")
JSON = (".jsonl", ".json")
SYNTAX = set('"[],\n')  # with one of these in a word, a list of words could not be read back
TYPES: dict[str, type[CustomTask]] = {
    **dict.fromkeys(OPERATIONS, CustomList),
    "latin_square": CustomLatinSquare,
    "sudoku": CustomSudoku,
    "questions": QuestionTask,
}
OF_ROWS = ("questions", "demonstrations")


def is_custom(spec: str) -> bool:
    """Whether a spec names a file."""
    return parse(spec)[0].endswith((*SUFFIXES, *JSON))


def load_custom(spec: str, **options: Any) -> CustomTask:
    """Make the task that a YAML file describes; options from Python or from the spec win over the file's.

    Raises:
        UserError: a file cannot be read, or a key, a value, a word or a field of the prompt cannot be used.
    """
    file, given = parse(spec)
    path = Path(file)
    described = {"type": "questions", "questions": path.name} if path.suffix in JSON else read_yaml(path, ADVICE)
    if not isinstance(described, Mapping) or not all(isinstance(key, str) for key in described):
        raise UserError(f"{path} is no table of keys; write lines such as 'type: shuffle'.")
    keys = {"name": "custom/" + re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem), **described, **options, **given}
    if "type" not in keys:
        raise UserError(f"{path} has no 'type'; add one of {', '.join(TYPES)}, for example 'type: shuffle'.")
    if not isinstance(keys["type"], str) or keys["type"] not in TYPES:
        raise UnknownName("task type", str(keys["type"]), TYPES)
    cls = TYPES[keys["type"]]
    known = [field.alias or key for key, field in cls.model_fields.items() if key != "origin"]
    known += ["columns"] if cls is QuestionTask else []
    for key in keys:
        if key not in known:
            raise UserError(f"{path} has the key '{key}', which type '{keys['type']}' does not know; {suggestion(key, known)}")
    if "words" in keys:
        from_file = "words" not in given and "words" not in options
        keys["words"] = _words(
            keys["words"], path, read_yaml(path, ADVICE, plain=True)["words"] if from_file else keys["words"]
        )
    if cls is QuestionTask:
        columns = _columns(keys.pop("columns", {}), path)
        keys |= {key: _rows(keys[key], path, key, columns) for key in OF_ROWS if key in keys}
        keys.setdefault("samples", max(1, len(keys.get("questions", ()))))
    content = json.dumps(keys, sort_keys=True, default=str)
    task = build(cls, f"task file '{path}'", {**keys, "origin": Origin(spec, hashlib.sha256(content.encode()).hexdigest())})
    if isinstance(task, QuestionTask):
        task.check_answers()
    return task


def _columns(value: Any, path: Path) -> Mapping[str, str]:
    """The names that a file of rows uses for `question`, `answer`, `choices` and `shown`."""
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for pair in value.items() for one in pair):
        raise UserError(f"{path} has columns: {value!r:.60}; write a mapping such as {{question: problem, answer: solution}}.")
    if unknown := [key for key in value if key not in OF_A_ROW]:
        raise UserError(f"{path} names the column '{unknown[0]}'; {suggestion(unknown[0], OF_A_ROW)}")
    return dict(value)


def _rows(value: Any, path: Path, key: str, columns: Mapping[str, str]) -> tuple[QuestionRow, ...]:
    """The questions that are listed in a task's file, or in the file that it names, relative to it."""
    if isinstance(value, str):
        return tuple(read_rows(path.parent / value, columns))
    if not isinstance(value, list):
        raise UserError(f"{path} has {key}: {value!r:.60}, which is no list and no file; {ADVICE}.")
    listed = read_yaml(path, ADVICE, plain=True)[key]  # numbers as they are written
    return tuple(rows_of((f"{path}: {key} {number}", row) for number, row in enumerate(listed, 1)))


def _words(words: Any, path: Path, written: Any) -> list[str]:
    """The words as text: those listed, or those in the YAML or text file that is named, relative to the task's file.

    `written` are the same words before YAML reads numbers and dates into them.
    """
    source = path
    if isinstance(words, str):
        source = path.parent / words
        if source.suffix in SUFFIXES:
            words, written = (read_yaml(source, ADVICE, plain=plain) for plain in (False, True))
        else:
            words = written = [word for word in read_text(source, ADVICE).split("\n") if word != ""]
    if not isinstance(words, list):
        raise UserError(f"{source} gives no list of words; write one word a line, or a YAML list.")
    for word, text in zip(words, written, strict=True):
        if isinstance(word, bool) or not isinstance(word, (str, int)) or str(word) != str(text):
            raise UserError(f"{source} has the word {text!r}, which YAML does not read as text; put it in quotes.")
    plain = [str(word) for word in words]
    for word, count in Counter(plain).items():
        if not word or SYNTAX & set(word) or word != word.strip(" \t\r'"):
            raise UserError(f"{source} has the word {word!r}; write words without quotes, commas, brackets or outer spaces.")
        if count > 1:
            raise UserError(f"{source} has the word '{word}' {count} times; list each word once.")
    return plain
