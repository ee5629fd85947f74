"""Converts lines of the reference's data to questions with the same facts as our tasks, so that the same metrics apply."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parallelbench.errors import UserError
from parallelbench.tasks.base import Question
from parallelbench.tasks.lists import frame
from parallelbench.tasks.puzzles import SUDOKU_FRAME, latin_frame
from parallelbench.tasks.template import fields, fill
from parallelbench.tasks.text import PARAPHRASE_METRICS, SENTENCE_METRICS, SUMMARY_METRICS, TEXT_TOKENS

Answer = tuple[str, Mapping[str, Any], str | None]


@dataclass(frozen=True, slots=True)
class Family:
    """How the rows of one of the reference's metrics are read, and which metrics and law of ours they have, the headline first.

    `read` takes the input and the answer of a row and gives the answer's text, facts and frame.
    """

    metrics: tuple[str, ...]
    law: str | None
    max_new_tokens: int
    read: Callable[[Mapping[str, Any], Any], Answer]


@dataclass(frozen=True, slots=True)
class Row:
    """A question with the demonstrations that come with it."""

    question: Question
    demonstrations: tuple[Question, ...]


def read_row(line: str, family: Family, template: str, shots: int, where: str) -> Row:
    """Read one line of JSON, which must come with `shots` demonstrations.

    Raises:
        UserError: the line is damaged, or the template asks for what it lacks; `where` names file and line.
    """
    try:
        row = json.loads(line)
        shown = row["input"].get("icl_examples", [])
        if len(shown) != shots:
            raise ValueError(f"it has {len(shown)} demonstrations, its task has {shots}")
        return Row(_question(row, family, template, where), tuple(_question(s, family, template, where) for s in shown))
    except (json.JSONDecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(f"{where} is no valid JSON ({reason}); restore the file from the original data.") from error
    except (KeyError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise UserError(f"{where} is damaged ({reason}); restore the file from the original data.") from error


def _question(row: Mapping[str, Any], family: Family, template: str, where: str) -> Question:
    values = {key: value for key, value in row["input"].items() if key != "icl_examples"}
    fields(template, values, f"the template for {where}")
    answer, facts, framed = family.read(values, row["answer"])
    return Question(fill(template, values), answer, facts, framed)


def _strings(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{what} is no list of strings")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} is no text")
    return value


def _read_list(values: Mapping[str, Any], answer: Any) -> Answer:
    text = _text(answer["example"] if isinstance(answer, Mapping) else answer, "the answer")
    items = _strings(json.loads(values["context"]), "the context")
    expected = _strings(json.loads(text), "the answer")
    operands = {key: values[key] for key in ("word", "index") if key in values}
    return text, {"items": items, "expected": expected} | operands, frame(len(expected))


def _read_latin(values: Mapping[str, Any], answer: Any) -> Answer:
    symbols = _strings(answer["symbols"], "the list of symbols")
    return _text(answer["example"], "the example"), {"symbols": symbols}, latin_frame(len(symbols))


def _read_sudoku(values: Mapping[str, Any], answer: Any) -> Answer:
    puzzle, solution = _text(values["sudoku"], "the puzzle"), _text(answer, "the answer")
    return solution, {"puzzle": puzzle, "solution": solution}, SUDOKU_FRAME


def _read_words(values: Mapping[str, Any], answer: Any) -> Answer:
    facts = {"kind": "sentence", "words": _strings(answer["words"], "the list of words")}
    return _text(answer.get("example", ""), "the example"), facts, None


def _read_paraphrase(values: Mapping[str, Any], answer: Any) -> Answer:
    references = _strings(ast.literal_eval(answer["examples"]), "the list of examples")
    return references[0], {"kind": "paraphrase", "source": _text(answer["text"], "the text"), "references": references}, None


def _read_summary(values: Mapping[str, Any], answer: Any) -> Answer:
    summary = _text(answer["summary"], "the summary")
    return summary, {"kind": "summary", "source": _text(answer["text"], "the text"), "references": [summary]}, None


def _both(metric: str) -> tuple[str, str]:
    """The lenient metric, which is the headline, and the strict one."""
    return metric, f"{metric}_strict"


FAMILIES: dict[str, Family] = {
    "list_match_score": Family(_both("list_exact"), "deterministic", 32, _read_list),
    "list_shuffle_score": Family(_both("list_shuffle"), "shuffle", 32, _read_list),
    "list_random_insert_score": Family(_both("list_random_insert"), "insert_random", 32, _read_list),
    "list_random_remove_score": Family(_both("list_random_remove"), "remove_random", 32, _read_list),
    "list_random_replace_score": Family(_both("list_random_replace"), "replace_random", 32, _read_list),
    "latin_square_score": Family(_both("latin_square"), "latin_square", 64, _read_latin),
    "sudoku_score": Family(_both("sudoku"), "deterministic", 64, _read_sudoku),
    "sentence_to_words_score": Family(SENTENCE_METRICS, None, TEXT_TOKENS, _read_words),
    "paraphrase_score": Family(PARAPHRASE_METRICS, None, TEXT_TOKENS, _read_paraphrase),
    "summary_score": Family(SUMMARY_METRICS, None, TEXT_TOKENS, _read_summary),
}
