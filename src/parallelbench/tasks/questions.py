"""Tasks of questions with known answers, from a user's file (`custom_file` reads it)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.metrics.reading import Reader, make_reader
from parallelbench.schema import Sample
from parallelbench.tasks.base import Question
from parallelbench.tasks.custom import CustomTask
from parallelbench.tasks.question_rows import QuestionRow
from parallelbench.tasks.template import fields, fill

Comparison = Literal["exact", "text", "contains", "number", "choice", "math"]
FIELDS = ("question", "choices")


class QuestionTask(CustomTask):
    """Questions with known answers. The demonstrations are the first ones of the file's, in its order, for every question."""

    suite: ClassVar[str] = "questions"
    preset_keys: ClassVar[frozenset[str]] = frozenset()

    type: Literal["questions"] = Field("questions", description="what is asked")
    prompt: str = Field("{question}", description="the user's turn, with {question}, {choices} and the file's other fields")
    questions: tuple[QuestionRow, ...] = Field(exclude=True, min_length=1, description="the questions, or their file")
    demonstrations: tuple[QuestionRow, ...] = Field(
        (), exclude=True, max_length=8, description="questions with answers to show"
    )
    read: Reader = Field(Reader(), description="where the answer stands in the text")
    metric: Comparison = Field("text", description="how the answer is compared with the right one")
    answer_format: str = Field("", description="how an answer is written, with {answer}; else by `read`")
    max_new_tokens: int = Field(64, ge=1, le=1_000_000, description="length of the canvas in tokens")

    @field_validator("read", mode="before")
    @classmethod
    def _reader(cls, value: Any) -> Any:
        return value if isinstance(value, Reader) else make_reader(value, "the task file")

    @model_validator(mode="after")
    def _fits(self) -> QuestionTask:
        if self.infill:
            raise ValueError("its answers have no frame; leave infill out")
        if self.samples > len(self.questions):
            raise ValueError(f"it has {len(self.questions)} questions; choose samples={len(self.questions)} or fewer")
        if (self.shots or 0) > len(self.demonstrations):
            raise ValueError(
                f"it has {len(self.demonstrations)} demonstrations; choose shots={len(self.demonstrations)} or fewer"
            )
        known = [*FIELDS, *sorted({key for row in self.questions for key in row.fields})]
        shown = fields(self.prompt, known, f"the prompt of '{self.title}'")
        if "question" not in shown:
            raise ValueError("the prompt does not show {question}; put it where the model must read it")
        for label, rows in (("question", self.questions), ("demonstration", self.demonstrations)):
            for number, row in enumerate(rows, 1):
                self._check_row(row, f"{label} {number}", shown)
        questions = {row.question for row in self.questions}
        for number, row in enumerate(self.demonstrations, 1):
            if row.question in questions:
                raise ValueError(f"demonstration {number} is one of the questions; take it out of one of the two")
        if "answer" not in fields(self._format, ["answer"], f"the answer_format of '{self.title}'"):
            raise ValueError("answer_format does not show {answer}; write for example 'The answer is {answer}.'")
        return self

    def _check_row(self, row: QuestionRow, where: str, shown: list[str]) -> None:
        if missing := [name for name in shown if name not in row.values]:
            raise ValueError(f"{where} has no '{missing[0]}', which the prompt shows")
        if (self.metric == "choice") != bool(row.choices):
            raise ValueError(
                f"{where} has {'no ' if not row.choices else ''}choices, so it does not go with metric: {self.metric}"
            )
        if "choices" in shown and not row.choices:
            raise ValueError(f"{where} has no choices, which the prompt shows")

    def check_answers(self) -> None:
        """Check that every right answer, written in the task's format, scores 1; metrics of other packages are needed for it.

        Raises:
            UserError: one does not; the message says what was read from it.
        """
        for number, row in enumerate(self.questions, 1):
            made = self._question(row)
            sample = Sample(self.name, self.version, 0, 0, (), made.answer, made.facts)
            if score(sample, made.answer, self.metrics[1:])[self.metrics[1]] != 1.0:
                found = self.read.read(made.answer)
                raise UserError(
                    f"{self.title}: the answer of question {number}, written as {made.answer!r:.100}, would be wrong: read: "
                    f"{self.read.way} finds {found!r:.60} in it; change read, metric, answer_format or the answer."
                )

    @property
    def metrics(self) -> tuple[str, ...]:
        return f"answer_{self.metric}", f"answer_{self.metric}_strict"

    @property
    def _format(self) -> str:
        return self.answer_format or self.read.write()

    def shots_shown(self, card: int | None) -> int:
        """The demonstrations belong to the file: all are shown unless the option says fewer."""
        return len(self.demonstrations) if self.shots is None else self.shots

    def question(self, rng: random.Random, index: int) -> Question:
        return self._question(self.questions[index])

    def demonstration(self, rng: random.Random, index: int, number: int) -> Question:
        return self._question(self.demonstrations[number])

    def reveals_answer(self, demonstration: Question, question: Question) -> bool:
        """Always False: demonstrations are fixed, and none is one of the questions."""
        return False

    def _question(self, row: QuestionRow) -> Question:
        facts: Mapping[str, Any] = {"answers": list(row.answers), "read": [self.read.way, self.read.argument]}
        if row.choices:
            facts = {**facts, "choices": list(row.choices)}
        answer = row.shown or fill(self._format, {"answer": row.answers[0]})
        return Question(fill(self.prompt, row.values), answer, facts)
