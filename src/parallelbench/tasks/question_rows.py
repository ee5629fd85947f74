"""Reads questions with known answers from outside: a YAML or JSON Lines file, or a list inside a task file.

A row is a mapping with `question` and `answer`; `answer` may be a list of texts that are all right. `choices` makes it multiple
choice: the answer is then a letter, or the text of a choice. `shown` is the answer as a demonstration shows it. Further keys
are fields that the prompt may show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError
from parallelbench.files import read_text, read_yaml
from parallelbench.metrics.reading import LETTERS

ADVICE = "docs/tasks.md shows what a file of questions holds"
MAX_ROWS = 200_000
LONGEST = 100_000
"""Characters of one text of a row."""
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character outside the basic plane, as JSON writes it; two of them in order are one character."""
OF_A_ROW = ("question", "answer", "choices", "shown")


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question.

    Attributes:
        question: its text.
        answers: all right answers; of multiple choice, the letters of the right choices.
        choices: the texts of the choices; empty where there are none.
        shown: the answer as a demonstration shows it; empty where that follows from the task.
        fields: what else the prompt may show.
    """

    question: str
    answers: tuple[str, ...]
    choices: tuple[str, ...] = ()
    shown: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, str]:
        """The fields of the prompt with their texts."""
        listed = "\n".join(f"{LETTERS[place]}. {one}" for place, one in enumerate(self.choices))
        return {**self.fields, "question": self.question, "choices": listed}


def read_rows(path: Path, columns: Mapping[str, str] | None = None) -> list[QuestionRow]:
    """Read a file of questions: `.jsonl`, one JSON object a line; `.json` or YAML, a list of mappings.

    `columns` says under which keys the file holds `question`, `answer`, `choices` and `shown`, where they are others.

    Raises:
        UserError: the file cannot be read, or a row is no question with an answer.
    """
    return rows_of((where, _renamed(value, columns or {})) for where, value in read_values(path))


def read_values(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield what a file lists, each after its place for messages (file and line); numbers are texts, as they are written.

    Raises:
        UserError: the file cannot be read, or is no list.
    """
    if path.suffix == ".jsonl":
        return _json_lines(path)
    if path.suffix == ".json":
        return _listed(parse_json(read_text(path, ADVICE), str(path)), path)
    return _listed(read_yaml(path, ADVICE, plain=True), path)


def _renamed(value: Any, columns: Mapping[str, str]) -> Any:
    if not isinstance(value, Mapping) or not columns:
        return value
    names = {theirs: ours for ours, theirs in columns.items()}
    return {names.get(key, key): one for key, one in value.items()}


def _listed(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, list):
        raise UserError(f"{path} holds no list of questions; {ADVICE}.")
    return ((f"{path}: question {number}", row) for number, row in enumerate(value, 1))


def _json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(read_text(path, ADVICE).split("\n"), 1):
        if line.strip():
            yield f"{path} line {number}", parse_json(line, f"{path} line {number}")


def parse_json(text: str, where: str) -> Any:
    """Parse JSON with numbers as they are written.

    Raises:
        UserError: it is none, too deep, or has half of a character (`\\ud83d` alone), which no tokenizer reads; the message
            begins with `where`.
    """
    try:
        value = json.loads(text, parse_int=str, parse_float=str)
        if SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(f"{where} is no valid JSON ({reason}); {ADVICE}.") from error


def rows_of(values: Iterator[tuple[str, Any]]) -> list[QuestionRow]:
    """Make rows of mappings, each after its place for messages.

    Raises:
        UserError: one is no question with an answer.
    """
    rows: list[QuestionRow] = []
    for where, value in values:
        if len(rows) == MAX_ROWS:
            raise UserError(f"{where} is one more than the {MAX_ROWS} questions that are read; split the file.")
        rows.append(_row(value, where))
    return rows


def _row(value: Any, where: str) -> QuestionRow:
    if not isinstance(value, Mapping):
        raise UserError(f"{where} is no mapping; write one with question and answer.")
    for key in ("question", "answer"):
        if key not in value:
            raise UserError(f"{where} has no '{key}'; add it, or say which key it is: columns: {{{key}: ...}}.")
    choices = tuple(_text(one, f"{where}: a choice") for one in _several(value.get("choices", []), f"{where}: choices"))
    answers = tuple(_text(one, f"{where}: answer") for one in _many(value["answer"]))
    if not answers:
        raise UserError(f"{where} has no right answer; write at least one.")
    more = {str(key): _text(one, f"{where}: {key}") for key, one in value.items() if key not in OF_A_ROW and _is_text(one)}
    return QuestionRow(
        _text(value["question"], f"{where}: question"),
        _letters(answers, choices, where) if choices else answers,
        choices,
        _text(value.get("shown", ""), f"{where}: shown"),
        more,
    )


def _letters(answers: tuple[str, ...], choices: tuple[str, ...], where: str) -> tuple[str, ...]:
    """The letters of the right choices, which a file names by their letter or by their text."""
    if not 2 <= len(choices) <= len(LETTERS) or len(set(choices)) < len(choices):
        raise UserError(f"{where} has {len(choices)} choices; write 2 to {len(LETTERS)} different ones.")
    found = []
    for answer in answers:
        if answer in choices:
            found.append(LETTERS[choices.index(answer)])
        elif len(answer) == 1 and answer in LETTERS[: len(choices)]:
            found.append(answer)
        else:
            raise UserError(
                f"{where} has the answer {answer!r:.60}, which is no choice; write a letter or the text of a choice."
            )
    return tuple(found)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{where} is {value!r:.60}, which is no text; put it in quotes.")
    if len(value) > LONGEST:
        raise UserError(f"{where} has {len(value)} characters, and at most {LONGEST} are read.")
    return value


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _several(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise UserError(f"{where} is {value!r:.60}, which is no list; write [..., ...].")
    return value
