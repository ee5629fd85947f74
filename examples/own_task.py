"""A task of your own: sorting two-digit numbers, scored by a metric of the package.

    python examples/own_task.py

The model that ships was not trained on it, so the exact model answers: it knows the law of the right answers.
"""

import json

import parallelbench as pb
from parallelbench.schema import MASK_ITEM
from parallelbench.tasks.base import Question, Task


class SortNumbers(Task):
    """Sort a list of two-digit numbers."""

    length: int = 5
    default_shots = 0

    name = property(lambda self: "examples/sort_numbers")
    metrics = property(lambda self: ("list_exact", "list_exact_strict"))
    law = property(lambda self: "deterministic")

    def question(self, rng, index):
        numbers = [str(number) for number in rng.sample(range(10, 100), self.length)]
        expected = sorted(numbers)
        text = f"Sort this list in ascending order: {json.dumps(numbers)}. Answer with the list only."
        facts = {"items": numbers, "expected": expected}
        return Question(text, json.dumps(expected), facts, frame=json.dumps([MASK_ITEM] * self.length))


if __name__ == "__main__":
    results = pb.run("exact", SortNumbers(), "confidence:k=[1,4]", limit=10)
    print(results.frame.groupby("decoder")[["accuracy", "nfe"]].mean())
