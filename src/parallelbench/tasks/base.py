"""What a task is: a typed configuration that makes samples, and the names of the metrics that score them."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.rng import stream
from parallelbench.schema import Sample, Turn
from parallelbench.specs import Options, render

DRAWS = 200
"""Demonstrations that are drawn for a sample before its task is said to have none."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question before it is wrapped into turns: what is asked, one right answer, and the operands behind it."""

    text: str
    answer: str
    facts: Mapping[str, Any]
    frame: str | None = None


class Task(Options, ABC):
    """A source of samples.

    `shots` is the number of demonstrations (None: as many as the model's card asks for, else `default_shots`). `samples`
    is how many there are; sample i of seed s is made from the stream (suite, name, version, s, i) alone, so the numbers
    of samples and the limit change nothing about any one of them. With `infill` the canvas starts as the sample's frame,
    and only the `[MASK]` slots are to be found.
    """

    suite: ClassVar[str] = "ours"
    version: ClassVar[int] = 1
    default_shots: ClassVar[int] = 1
    preset_keys: ClassVar[frozenset[str]] = frozenset({"operation"})

    shots: int | None = Field(None, ge=0, le=8, description="demonstrations before the question")
    samples: int = Field(100, ge=1, le=1_000_000, description="number of samples")
    max_new_tokens: int = Field(32, ge=1, le=1_000_000, description="length of the canvas in tokens")
    infill: bool = Field(False, description="give the frame of the answer and mask only its items")

    @property
    @abstractmethod
    def name(self) -> str:
        """The id of the task, for example `waiting_line/copy`."""

    @property
    @abstractmethod
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, the headline one first."""

    @property
    def law(self) -> str | None:
        """The name of the law of this task's answers in `theory.laws`, or None where it has none."""
        return None

    @property
    def fingerprint(self) -> str:
        """A hash of the files that the samples come from; empty where name, version and options say it all."""
        return ""

    @abstractmethod
    def question(self, rng: random.Random, index: int) -> Question:
        """Draw one question. `index` may decide its size, never its content."""

    def demonstration(self, rng: random.Random, index: int, number: int) -> Question:
        """Draw demonstration `number` of sample `index`: another question, of any size."""
        return self.question(rng, rng.randrange(1 << 16))

    def gives_away(self, shown: Question, asked: Question) -> bool:
        """True where a demonstration is the question itself, or shows an answer that is right for it."""
        if shown.text == asked.text or shown.answer == asked.answer:
            return True
        if self.law is None:
            return False
        sample = Sample(self.name, self.version, 0, 0, (), asked.answer, asked.facts, asked.frame, self.law)
        return score(sample, shown.answer, self.metrics[:1])[self.metrics[0]] == 1.0

    def shots_shown(self, card: int | None) -> int:
        """How many demonstrations: the option, else what the model's card asks for, else the task's default."""
        return next(n for n in (self.shots, card, self.default_shots) if n is not None)

    def sample(self, seed: int, index: int, shots: int | None = None) -> Sample:
        """Make sample `index` of `seed`; `shots` is what the model's card asks for where the task leaves it open."""
        rng = stream(self.suite, self.name, self.version, seed, index)
        asked = self.question(rng, index)
        turns: list[Turn] = []
        for number in range(self.shots_shown(shots)):
            shown = self._demonstration(rng, index, number, asked)
            turns += [Turn("user", shown.text), Turn("assistant", shown.answer)]
        turns.append(Turn("user", asked.text))
        return Sample(self.name, self.version, seed, index, tuple(turns), asked.answer, asked.facts, asked.frame, self.law)

    def _demonstration(self, rng: random.Random, index: int, number: int, asked: Question) -> Question:
        for _ in range(DRAWS):
            shown = self.demonstration(rng, index, number)
            if not self.gives_away(shown, asked):
                return shown
        raise UserError(
            f"{self.spec} has no demonstration that does not give the answer to sample {index} away; "
            "set shots=0, or let the task draw from more."
        )

    def order(self, seed: int) -> list[int]:
        """The order in which a limit takes samples: seeded, and the first N are among the first N + 1."""
        indices = list(range(self.samples))
        stream(self.suite, self.name, self.version, seed, "order").shuffle(indices)
        return indices

    @property
    def spec(self) -> str:
        """The task as the user would write it, with the options that differ from the defaults."""
        given = {key: getattr(self, key) for key in sorted(self.model_fields_set) if key not in self.preset_keys}
        return render(self.name, given)
