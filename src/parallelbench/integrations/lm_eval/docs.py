"""Our tasks as documents of the harness, and the score of an answer: the functions that the YAML files of `tasks` name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import datasets

from parallelbench.metrics import score
from parallelbench.metrics.grammar import is_clean
from parallelbench.schema import Sample
from parallelbench.tasks import Task, load_task

OURS = "parallelbench"
"""The key of a document under which it names its sample."""
TEXT_BETWEEN = "\n\n"


@lru_cache(64)
def task_of(spec: str) -> Task:
    """The task of a spec."""
    return load_task(spec, clean=is_clean)


def documents(spec: str, samples: int | None = None, seed: int = 0, **_: Any) -> Any:
    """Return the samples of a task as the harness's split `test`, in the order in which a limit takes them."""
    task = task_of(spec)
    rows = [_document(task, spec, seed, index) for index in task.order(seed)[:samples]]
    return datasets.DatasetDict({"test": datasets.Dataset.from_list(rows)})


def sample_of(doc: dict[str, Any], card: int | None = None) -> Sample:
    """The sample that a document names; `card` is the number of demonstrations on the model's card."""
    named = doc[OURS]
    return task_of(named["spec"]).sample(named["seed"], named["index"], card)


def scores(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Score an answer by the metrics of its task."""
    sample = sample_of(doc)
    return score(sample, results[0], task_of(doc[OURS]["spec"]).metrics)


def _document(task: Task, spec: str, seed: int, index: int) -> dict[str, Any]:
    sample = task.sample(seed, index)
    text = TEXT_BETWEEN.join(turn.text for turn in sample.turns)
    return {"text": text, "answer": sample.answer, OURS: {"spec": spec, "seed": seed, "index": index}}
