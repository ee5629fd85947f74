"""Synthetic list operations (paper, section 4 and Figure 2): letters, words or numbers, any length, in an infill frame."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from parallelbench.tasks.base import Question
from parallelbench.tasks.lists import OPERATIONS, ListTask, nouns, one_or_many

POOLS = {
    "letters": tuple(string.ascii_uppercase),
    "words": nouns(),
    "numbers": tuple(str(number) for number in range(100, 1000)),  # one width, so that text and value sort alike
}


class ListOps(ListTask):
    """One operation on lists of distinct letters, words or three-digit numbers; sample i has the i-th length of the cycle."""

    group: ClassVar[str] = "list_ops"
    texts: ClassVar[str] = "list_ops"
    items: Literal["letters", "words", "numbers"] = Field("letters", description="what the lists hold")
    lengths: Annotated[tuple[Annotated[int, Field(ge=2)], ...], BeforeValidator(one_or_many)] = Field(
        (6, 8, 10, 12, 14, 16), min_length=1, description="list lengths, in turn"
    )
    max_new_tokens: int = Field(64, ge=1, description="length of the canvas in tokens")
    infill: bool = Field(True, description="give the frame of the answer and mask only its items")
    may_stay: bool = Field(False, description="shuffle: the given order is a right answer too, as in the paper's closed forms")

    @model_validator(mode="after")
    def _enough_items(self) -> ListOps:
        most = len(POOLS[self.items]) - self._new_words
        if max(self.lengths) > most:
            raise ValueError(f"there are {self.items} for lists of at most {most}; choose shorter lengths or items=numbers")
        if self.may_stay and self.operation != "shuffle":
            raise ValueError("may_stay is a rule of shuffle; leave it out")
        return self

    @property
    def _new_words(self) -> int:
        return int("word" in OPERATIONS[self.operation].needs)

    def stratum(self, index: int) -> int:
        return self.lengths[index % len(self.lengths)]

    def question(self, rng: random.Random, index: int) -> Question:
        length = self.stratum(index)
        drawn = rng.sample(POOLS[self.items], length + self._new_words)
        instruction = "shuffle_may_stay" if self.may_stay else self.operation
        question = self._on(rng, drawn[:length], "".join(drawn[length:]), str, instruction)
        return replace(question, facts={**question.facts, "may_stay": True}) if self.may_stay else question
