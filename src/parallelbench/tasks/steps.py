"""Chain of thought: a question that asks for steps before the answer, and demonstrations that show them.

The paper gives a model 256 tokens for its steps and a fixed phrase before the answer (section 7 and Appendix F); question,
steps and marker are ours. What follows the last marker is the answer (`contracts.thoughts`), the rest is thought.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelbench.tasks.english import table
from parallelbench.tasks.template import fill

MARKER = "Answer:"
CANVAS = 256
"""The length of the canvas in tokens, steps included."""
FILE = "steps.yaml"


def question_text() -> str:
    """Return the template of the question, with the fields `context` and `instruction`."""
    return str(table(FILE)["text"])


def all_texts() -> Any:
    """Return everything that the package says in a task with chain of thought."""
    return table(FILE)


def steps_of(operation: str, people: Sequence[str], answer: Sequence[str]) -> str:
    """Return the steps from a line of people to a right answer of an operation."""
    both = list(zip(people, answer, strict=False))
    at = next((place for place, (before, after) in enumerate(both) if before != after), len(both))
    values = {
        "numbered": _listed([f"{place}: {person}" for place, person in enumerate(people)]),
        "order": _listed(answer),
        "keys": _listed([person.rsplit(" ", 1)[-1] for person in answer]),
        "at": at,
        "old": people[at] if at < len(people) else "",
        "new": answer[at] if at < len(answer) else "",
    }
    return fill(table(FILE)["steps"][operation], values)


def with_marker(steps: str, answer: str) -> str:
    """Return the whole text of a demonstration: the steps, and the answer behind the marker."""
    return f"{steps}\n{MARKER} {answer}"


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items)
