"""Waiting Line: ten operations on a line of people (paper, section 5 and Table 2; our wording, our names)."""

from __future__ import annotations

import random
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from parallelbench.tasks.base import Question
from parallelbench.tasks.lists import ListTask, Operands, OperationName, ask, draw_people, last_name, one_or_many, write

MAX_LENGTH = 90

INSTRUCTIONS = {
    "copy": "Repeat it exactly as it stands.",
    "reverse": "Reverse its order.",
    "sort": "Sort it alphabetically by last name.",
    "shuffle": "Shuffle it at random, so that the order differs from the given one.",
    "replace_index": 'Replace the person at position {index} with "{word}". Positions count from 0.',
    "replace_random": 'Replace one random person with "{word}".',
    "insert_index": 'Insert "{word}" at position {index}. Positions count from 0.',
    "insert_random": 'Insert "{word}" at a random position.',
    "remove_index": "Remove the person at position {index}. Positions count from 0.",
    "remove_random": "Remove one random person.",
}


class WaitingLine(ListTask):
    """One operation on lists of people; sample i has the i-th length of the cycle, so lengths are balanced."""

    group: ClassVar[str] = "waiting_line"
    lengths: Annotated[tuple[Annotated[int, Field(ge=2, le=MAX_LENGTH)], ...], BeforeValidator(one_or_many)] = Field(
        (3, 4, 5, 6), min_length=1, description="list lengths, in turn"
    )

    def question(self, rng: random.Random, index: int) -> Question:
        *items, word = draw_people(rng, self.lengths[index % len(self.lengths)] + 1)
        return ask_line(rng, self.operation, items, word)


def ask_line(rng: random.Random, operation: OperationName, items: list[str], word: str) -> Question:
    """Ask for an operation on a line of people."""

    def wording(operands: Operands) -> str:
        instruction = INSTRUCTIONS[operation].format(word=operands.word, index=operands.index)
        return f"This is a waiting line:\n{write(operands.items)}\n{instruction} Answer with the final list only."

    return ask(operation, rng, items, word, last_name, wording)
