"""The labeller against a reader: 200 wrong answers of the shipped models, labelled by reading alone (docs/metrics.md).

`python tests/metrics/test_metric_hand_labels.py` prints the table of docs/metrics.md.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from parallelbench.metrics import score
from parallelbench.metrics.failures import LABELS, label
from parallelbench.tasks import load_task

ANSWERS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "hand_labels.json").read_text("utf-8"))
KINDS = ("lists and puzzles", "texts")


def kind(answer: dict[str, Any]) -> str:
    return KINDS[answer["task"].startswith(("words_to_sentence/", "paraphrase_summarize/"))]


def labelled(answer: dict[str, Any]) -> set[str]:
    """What the labeller says."""
    task = load_task(answer["task"])
    sample = task.sample(answer["seed"], answer["index"], 0)
    if "facts" in answer:  # a puzzle of an earlier version of its task, as the reader saw it
        sample = replace(sample, facts=answer["facts"])
    headline = next(iter(score(sample, answer["text"], task.metrics).values()))
    return set(label(sample, answer["text"], right=headline == 1, full=answer["full"]))


def agreement() -> dict[str, dict[str, float]]:
    """Per kind of task: answers, mean overlap of the two sets (Jaccard), precision and recall of single labels."""
    rows = {name: Counter[str]() for name in KINDS}
    for answer in ANSWERS:
        found, by_hand, row = labelled(answer), set(answer["labels"]), rows[kind(answer)]
        row["answers"] += 1
        row["other"] += "other" in found
        row["overlap"] += len(found & by_hand) / len(found | by_hand)  # type: ignore[assignment]
        row.update(both=len(found & by_hand), found=len(found), by_hand=len(by_hand))
    return {
        name: {
            "answers": row["answers"], "overlap": row["overlap"] / row["answers"], "other": row["other"] / row["answers"],
            "precision": row["both"] / row["found"], "recall": row["both"] / row["by_hand"],
        }
        for name, row in rows.items()
    }  # fmt: skip


def test_the_answers_are_200_and_their_labels_known() -> None:
    assert Counter(map(kind, ANSWERS)) == dict.fromkeys(KINDS, 100)
    assert all(answer["labels"] and set(answer["labels"]) <= LABELS.keys() for answer in ANSWERS)
    assert len({answer["task"] for answer in ANSWERS}) >= 10


def test_the_labeller_agrees_with_a_reader() -> None:
    found = agreement()
    lists, texts = (found[name] for name in KINDS)
    assert lists["overlap"] >= 0.9 and lists["precision"] >= 0.9 and lists["recall"] >= 0.9
    assert texts["overlap"] >= 0.7 and texts["precision"] >= 0.9 and texts["recall"] >= 0.65
    assert all(row["other"] < 0.05 for row in found.values())


if __name__ == "__main__":
    for name, row in agreement().items():
        print(name, {key: round(value, 3) for key, value in row.items()})
