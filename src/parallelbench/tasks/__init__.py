"""The tasks. `load_task("waiting_line/copy:lengths=[3,4]")` returns a task; nothing here needs torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from parallelbench.errors import UnknownName, UserError
from parallelbench.registry import Entry, Registry
from parallelbench.specs import build, parse
from parallelbench.tasks.base import Question, Task
from parallelbench.tasks.custom_file import is_custom, load_custom
from parallelbench.tasks.hub import DATA_SETS, Clean, load_hub
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.tasks.official import load_official, official_tasks
from parallelbench.tasks.standard import load_standard, standard_tasks

__all__ = ["SUITES", "TASKS", "Question", "Task", "load_task", "official_tasks", "task_names"]

SUITES = ("ours", "official", "hf", "standard")
_MODULE = "parallelbench.tasks"
_TEXT = f"{_MODULE}.paraphrase_summarize"

TASKS = Registry(
    "task",
    {
        **{
            f"waiting_line/{name}": Entry(
                f"{_MODULE}.waiting_line:WaitingLine", f"{name} on a line of people", {"operation": name}
            )
            for name in OPERATIONS
        },
        **{
            f"puzzle/latin_square_n{n}": Entry(
                f"{_MODULE}.puzzles:LatinSquare", f"any {n}x{n} Latin square of {n} symbols", {"size": n}
            )
            for n in (4, 3, 5)
        },
        **{
            f"puzzle/sudoku_n4_{n}": Entry(f"{_MODULE}.puzzles:Sudoku", f"a 4x4 Sudoku with {n} givens", {"givens": n})
            for n in range(12, 3, -1)
        },
        **{
            f"list_ops/{name}": Entry(
                f"{_MODULE}.list_ops:ListOps", f"{name} on a list of letters, words or numbers", {"operation": name}
            )
            for name in OPERATIONS
        },
        **{
            f"words_to_sentence/{band}": Entry(
                f"{_MODULE}.words_to_sentence:WordsToSentence", f"one sentence with given words, {said}", {"band": band}
            )
            for band, said in {"easy": "of one topic", "medium": "of two topics", "hard": "that do not belong together"}.items()
        },
        "paraphrase_summarize/summarization": Entry(f"{_TEXT}:Summarization", "a summary of a chat"),
        "paraphrase_summarize/paraphrasing": Entry(f"{_TEXT}:Paraphrasing", "a sentence in other words"),
        **{
            f"long/{name}": Entry(f"{_MODULE}.long_lines:LongLine", f"{name} on up to 100 people", {"operation": name})
            for name in OPERATIONS
        },
        "long/story": Entry(f"{_MODULE}.long_texts:Story", "a story that uses given words in their order"),
        "long/dialogue_summary": Entry(f"{_MODULE}.long_texts:DialogueSummary", "a summary of a long chat"),
    },
)


def task_names(suite: str = "ours", data_dir: str | Path | None = None) -> list[str]:
    """Return the names that a suite has; those of "official" are in `data_dir`.

    Raises:
        UserError: the folder of the official data cannot be read.
    """
    if suite == "official" and data_dir is not None:
        return official_tasks(data_dir)
    if suite == "standard":
        return standard_tasks()
    return list(DATA_SETS) if suite == "hf" else TASKS.names()


def load_task(
    spec: str, suite: str = "ours", data_dir: str | Path | None = None, clean: Clean | None = None, **options: Any
) -> Task:
    """Make a task from `name:key=value,...`, or from the path of a YAML file in the place of the name.

    `suite` "official" reads the task from the data of the paper's authors in `data_dir`. "hf" reads it from the Hugging Face
    hub, or from a copy in `data_dir`, and keeps the rows for which `clean(source text)` is true. "standard" reads GSM8K and the
    like from `data_dir`, from a package, or from the hub. A user's file needs none of them.

    Raises:
        MissingExtra: suite "hf" needs the `datasets` library.
        UserError: the name is unknown, an option is unknown or out of range, or a file cannot be read.
    """
    if suite not in SUITES:
        raise UnknownName("suite", suite, SUITES)
    if is_custom(spec):
        return load_custom(spec, **options)
    if suite == "hf":
        return load_hub(spec, clean, data_dir, **options)
    if suite == "standard":
        return load_standard(spec, data_dir, **options)
    if suite == "official":
        if data_dir is None:
            raise UserError("suite 'official' reads its samples from files; give their folder with --data-dir.")
        return load_official(spec, data_dir, **options)
    name, given = parse(spec)
    entry = TASKS.get(name)
    task: Task = build(entry.load(), f"task '{name}'", {**entry.preset, **options, **given})
    return task
