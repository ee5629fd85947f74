"""The paper's two public data sets of text, read through the `datasets` library: SAMSum and ChatGPT-paraphrases.

As in the paper, each data set is shuffled with a fixed seed, and the first samples are kept that have a source text without a
grammar mistake. The caller provides the grammar check, so that this module does not depend on a metric. The samples that pass
are part of the task's fingerprint.
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

from parallelbench.errors import MissingExtra, UnknownName, UserError, first_line, root_cause
from parallelbench.specs import build, parse
from parallelbench.tasks.base import Question
from parallelbench.tasks.fixed import Rows, check_options, spec_of
from parallelbench.tasks.paraphrase_summarize import ask_paraphrase, ask_summary
from parallelbench.tasks.text import PARAPHRASE_METRICS, SUMMARY_METRICS, TEXT_TOKENS, TextTask

OPTIONS = ("samples", "max_new_tokens", "shots", "system")
Clean = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set of the Hugging Face hub.

    Attributes:
        repository, split: where it is.
        seed: the seed of the shuffle.
        metrics: the metrics of its answers, the headline one first.
        read: returns the source text of a row, for the grammar check, and the row's question.
    """

    repository: str
    split: str
    seed: int
    metrics: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], tuple[str, Question]]


class HubTask(TextTask):
    """A task on a public data set. Its samples are fixed; the run's seed only sets the order in which a limit selects them."""

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
        defaults = {"samples": 100, "max_new_tokens": TEXT_TOKENS, "shots": None, "system": ""}
        return spec_of(self, defaults)

    def question(self, rng: random.Random, index: int) -> Question:
        return self.rows.questions[index]

    def demonstration(self, rng: random.Random, index: int, number: int) -> Question:
        """Return another question of the data set: the one that follows sample `index` by `number` + 1, cyclically."""
        return self.rows.questions[(index + 1 + number) % len(self.rows.questions)]


def load_hub(spec: str, clean: Clean | None, data_dir: str | Path | None = None, **options: Any) -> HubTask:
    """Make a task from a data set of the Hugging Face hub, or from a local copy.

    Args:
        spec: the name of the data set, with options.
        clean: returns whether a source text is free of grammar mistakes; None keeps every row.
        data_dir: the folder of the local copies, in its subfolders `samsum` and `chatgpt-paraphrases`; None loads from the hub.
        options: options that `spec` can override.

    Raises:
        MissingExtra: the `datasets` library is not installed.
        UserError: the name or an option is unknown, the data cannot be loaded or read, or too few rows pass the filter.
    """
    name, parsed = parse(spec)
    options = {**options, **parsed}
    if name not in DATA_SETS:
        raise UnknownName("data set", name, DATA_SETS)
    check_options(f"task '{name}' of suite 'hf'", options, OPTIONS)
    task = build(HubTask, f"task '{name}'", {"rows": Rows(name, (), ""), **options})
    source = DATA_SETS[name]
    folder = None if data_dir is None else Path(data_dir) / name.rpartition("/")[2]
    questions = tuple(islice(_checked(source, _shuffled(source, folder), clean), task.samples))
    if len(questions) < task.samples:
        raise UserError(f"only {len(questions)} rows of '{name}' pass the filter; write {name}:samples={len(questions) or 1}.")
    content = repr([(question.text, question.answer, dict(question.facts)) for question in questions])
    return task.model_copy(update={"rows": Rows(name, questions, hashlib.sha256(content.encode()).hexdigest())})


def _checked(source: DataSet, rows: Iterable[Mapping[str, Any]], clean: Clean | None) -> Iterator[Question]:
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
    """The rows of a data set, shuffled with its seed."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("reading a data set of the Hugging Face hub", "hf") from error
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


def _read_dialogue(row: Mapping[str, Any]) -> tuple[str, Question]:
    dialogue, summary = str(row["dialogue"]).replace("\r\n", "\n"), str(row["summary"])
    return dialogue, ask_summary(dialogue.split("\n"), [summary], "Summarize this chat in one or two sentences.")


def _read_sentence(row: Mapping[str, Any]) -> tuple[str, Question]:
    text, references = str(row["text"]), row["paraphrases"]
    parsed = ast.literal_eval(references) if isinstance(references, str) else references
    return text, ask_paraphrase(text, [str(reference) for reference in parsed])


DATA_SETS: dict[str, DataSet] = {
    "paraphrase_summarize/samsum": DataSet("knkarthick/samsum", "test", 59102, SUMMARY_METRICS, _read_dialogue),
    "paraphrase_summarize/chatgpt-paraphrases": DataSet(
        "humarin/chatgpt-paraphrases", "train", 39617, PARAPHRASE_METRICS, _read_sentence
    ),
}
