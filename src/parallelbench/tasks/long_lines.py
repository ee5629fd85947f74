"""Long waiting lines: the ten operations on up to 100 people, for canvases of hundreds of tokens."""

from __future__ import annotations

import random
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from parallelbench.tasks.base import Question
from parallelbench.tasks.lists import names, one_or_many
from parallelbench.tasks.waiting_line import LineTask

MAX_LENGTH = 100


class LongLine(LineTask):
    """One operation on a long list of people; last names are distinct, first names may return."""

    group: ClassVar[str] = "long"
    lengths: Annotated[tuple[Annotated[int, Field(ge=2, le=MAX_LENGTH)], ...], BeforeValidator(one_or_many)] = Field(
        (25, 50, 75, 100), min_length=1, description="list lengths, in turn"
    )
    max_new_tokens: int = Field(1024, ge=1, description="length of the canvas in tokens")

    def stratum(self, index: int) -> int:
        return self.lengths[index % len(self.lengths)]

    def question(self, rng: random.Random, index: int) -> Question:
        first, last = names()
        count = self.stratum(index) + 1
        *items, word = (f"{rng.choice(first)} {family}" for family in rng.sample(last, count))
        return self._of_people(rng, items, word)
