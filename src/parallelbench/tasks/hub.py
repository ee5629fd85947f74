"""The paper's two public data sets of text, read through the `datasets` library: SAMSum and ChatGPT-paraphrases.

The paper shuffles a data set with the task's seed and keeps the first samples whose source text has no grammar mistake. The
grammar check is the caller's, so that nothing here depends on a metric; what it lets pass is part of the task's fingerprint.
"""

from __future__ import annotations

import ast
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from parallelbench.errors import MissingExtra, UnknownName, UserError, first_line, root_cause, suggestion
from parallelbench.specs import build, parse, render
from parallelbench.tasks.base import Question
from parallelbench.tasks.paraphrase_summarize import ask_paraphrase, ask_summary
from parallelbench.tasks.text import PARAPHRASE_METRICS, SUMMARY_METRICS, TEXT_TOKENS, TextTask

OPTIONS = ("samples", "max_new_tokens", "shots")
Clean = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Where a data set lies, which seed shuffles it, and how a row is asked: the row's source text and its question."""

    repository: str
    split: str
    seed: int
    metrics: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], tuple[str, Question]]


@dataclass(frozen=True, slots=True)
class Rows:
    """The questions that passed the filter, and a hash of them."""

    name: str
    questions: tuple[Question, ...]
    digest: str


class HubTask(TextTask):
    """A task on a public data set. Its samples are fixed: the seed decides only the order in which a limit takes them."""

    suite: ClassVar[str] = "hf"
    preset_keys: ClassVar[frozenset[str]] = frozenset({"rows"})

    rows: Rows

    @property
    def name(self) -> str:
        return self.rows.name

    @property
    def metrics(self) -> tuple[str, ...]:
        return DATA_SETS[self.name].metrics

    @property
    def fingerprint(self) -> str:
        return self.rows.digest

    @property
    def spec(self) -> str:
        defaults = {"samples": 100, "max_new_tokens": TEXT_TOKENS, "shots": None}
        return render(self.name, {key: getattr(self, key) for key in OPTIONS if getattr(self, key) != defaults[key]})

    def question(self, rng: random.Random, index: int) -> Question:
        return self.rows.questions[index]

    def demonstration(self, rng: random.Random, index: int, number: int) -> Question:
        """Another question of the data set: those after the samples' own index, in turn."""
        return self.rows.questions[(index + 1 + number) % len(self.rows.questions)]


def load_hub(spec: str, clean: Clean | None, data_dir: str | Path | None = None, **options: Any) -> HubTask:
    """Make a task from a data set of the Hugging Face hub, or from a copy in `data_dir`/samsum or /chatgpt-paraphrases.

    `clean` says whether a source text is free of grammar mistakes; None keeps every row.

    Raises:
        MissingExtra: the `datasets` library is not installed.
        UserError: the name or an option is unknown, the data cannot be had or read, or too few rows pass the filter.
    """
    name, given = parse(spec)
    options = {**options, **given}
    if name not in DATA_SETS:
        raise UnknownName("data set", name, DATA_SETS)
    for key in options:
        if key not in OPTIONS:
            raise UserError(f"task '{name}' of suite 'hf' has no key '{key}'; {suggestion(key, OPTIONS)}")
    task = build(HubTask, f"task '{name}'", {"rows": Rows(name, (), ""), **options})
    source = DATA_SETS[name]
    folder = None if data_dir is None else Path(data_dir) / name.rpartition("/")[2]
    questions = tuple(islice(_passed(source, _shuffled(source, folder), clean), task.samples))
    if len(questions) < task.samples:
        raise UserError(f"only {len(questions)} rows of '{name}' pass the filter; write {name}:samples={len(questions) or 1}.")
    content = repr([(question.text, question.answer, dict(question.facts)) for question in questions])
    return task.model_copy(update={"rows": Rows(name, questions, hashlib.sha256(content.encode()).hexdigest())})


def _passed(source: DataSet, rows: Iterable[Mapping[str, Any]], clean: Clean | None) -> Iterator[Question]:
    for number, row in enumerate(rows):
        try:
            text, question = source.read(row)
        except (KeyError, TypeError, ValueError, AttributeError, SyntaxError, IndexError) as error:
            raise UserError(
                f"row {number} of the shuffled {source.repository} is not as expected ({first_line(error)}); fetch it again."
            ) from error
        if clean is None or clean(text):
            yield question


def _shuffled(source: DataSet, folder: Path | None) -> Iterable[Mapping[str, Any]]:
    """The rows of a data set in the order of its seed."""
    try:
        import datasets
    except ImportError:
        raise MissingExtra("reading a data set of the Hugging Face hub", "hf") from None
    try:
        found = datasets.load_dataset(source.repository if folder is None else str(folder), split=source.split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        first, root = first_line(error), root_cause(error)
        reason = first if root in first else f"{first}: {root}"
        raise UserError(
            f"the data set {folder or source.repository} cannot be read ({reason}); mend that, or name a folder that holds a "
            "copy with --data-dir."
        ) from error
    rows: Iterable[Mapping[str, Any]] = found.shuffle(seed=source.seed)
    return rows


def _read_chat(row: Mapping[str, Any]) -> tuple[str, Question]:
    dialogue, summary = str(row["dialogue"]).replace("\r\n", "\n"), str(row["summary"])
    return dialogue, ask_summary(dialogue.split("\n"), [summary], "Summarize this chat in one or two sentences.")


def _read_sentence(row: Mapping[str, Any]) -> tuple[str, Question]:
    text, references = str(row["text"]), row["paraphrases"]
    parsed = ast.literal_eval(references) if isinstance(references, str) else references
    return text, ask_paraphrase(text, [str(reference) for reference in parsed])


DATA_SETS: dict[str, DataSet] = {
    "paraphrase_summarize/samsum": DataSet("knkarthick/samsum", "test", 59102, SUMMARY_METRICS, _read_chat),
    "paraphrase_summarize/chatgpt-paraphrases": DataSet(
        "humarin/chatgpt-paraphrases", "train", 39617, PARAPHRASE_METRICS, _read_sentence
    ),
}
