"""Waiting Line: ten operations on a line of people (paper, section 5 and Table 2; our wordings, our names)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from parallelbench.tasks import steps
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
    chain_of_thought: bool = Field(
        False, description=f"ask for steps first and the answer behind '{steps.MARKER}', in {steps.CANVAS} tokens"
    )

    @model_validator(mode="before")
    @classmethod
    def _room_for_steps(cls, options: Any) -> Any:
        if isinstance(options, Mapping) and options.get("chain_of_thought") is True:
            return {"max_new_tokens": steps.CANVAS, **options}
        return options

    @model_validator(mode="after")
    def _steps_are_free(self) -> Self:
        if self.chain_of_thought and (self.infill or self.wording != "plain"):
            raise ValueError("with chain_of_thought there is one wording and no frame; leave wording and infill out")
        return self

    @property
    def law(self) -> str | None:
        """None with chain of thought: the answer follows from steps that have no law."""
        return None if self.chain_of_thought else super().law

    def stratum(self, index: int) -> int:
        return self.lengths[index % len(self.lengths)]

    def question(self, rng: random.Random, index: int) -> Question:
        count = self.stratum(index) + 1
        if self.names == "standard":
            *people, word = draw_people(rng, count)
        else:
            *people, word = draw_relatives(rng, count, distinct_last=self.operation == "sort")
        question = self._of_people(rng, people, word)
        if not self.chain_of_thought:
            return question
        thought = steps.steps_of(self.operation, people, question.facts["expected"])
        shown = steps.with_marker(thought, question.answer)
        return replace(question, frame=None, shown=shown, marker=steps.MARKER)

    def _texts(self) -> Mapping[str, str]:
        texts = super()._texts()
        return {**texts, "text": steps.question_text()} if self.chain_of_thought else texts

    def _tables(self) -> dict[str, Any]:
        names = {} if self.names == "standard" else {"names": more_names()}
        return super()._tables() | names | ({"steps": steps.all_texts()} if self.chain_of_thought else {})
