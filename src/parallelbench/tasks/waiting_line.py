"""Waiting Line: ten operations on a line of people (paper, section 5 and Table 2; our wordings, our names)."""

from __future__ import annotations

import random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from parallelbench.tasks.base import Question
from parallelbench.tasks.lists import ListTask, last_name, one_or_many
from parallelbench.tasks.people import draw_people, draw_relatives, more_names

MAX_LENGTH = 90


class LineTask(ListTask):
    """One operation on a line of people, whose order is that of their last names."""

    texts: ClassVar[str] = "waiting_line"

    def _of_people(self, rng: random.Random, people: list[str], word: str) -> Question:
        return self._on(rng, people, word, last_name, self.operation)


class WaitingLine(LineTask):
    """One operation on lists of people; sample i has the i-th length of the cycle, so lengths are balanced.

    With `names=wide` names come from the larger pools, and people share first names and, but for sort, last names, so that
    neither part of a name determines the other.
    """

    group: ClassVar[str] = "waiting_line"
    lengths: Annotated[tuple[Annotated[int, Field(ge=2, le=MAX_LENGTH)], ...], BeforeValidator(one_or_many)] = Field(
        (3, 4, 5, 6), min_length=1, description="list lengths, in turn"
    )
    names: Literal["standard", "wide"] = Field(
        "standard", description="wide: from larger pools, and people share first and last names"
    )

    def stratum(self, index: int) -> int:
        return self.lengths[index % len(self.lengths)]

    def question(self, rng: random.Random, index: int) -> Question:
        count = self.stratum(index) + 1
        if self.names == "standard":
            *people, word = draw_people(rng, count)
        else:
            *people, word = draw_relatives(rng, count, distinct_last=self.operation == "sort")
        return self._of_people(rng, people, word)

    def _tables(self) -> dict[str, Any]:
        return super()._tables() | ({} if self.names == "standard" else {"names": more_names()})
