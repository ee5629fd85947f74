"""The base class of tasks. A task is a typed configuration that makes samples and names the metrics that score them."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar

from pydantic import Field

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.rng import stream
from parallelbench.schema import Sample, Turn
from parallelbench.specs import Options, render

DRAWS = 200
"""The number of draws of a demonstration that must all reveal the answer before a sample is refused with an error."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question before it becomes a sample.

    Attributes:
        text: the user's turn.
        answer: one right answer.
        facts: the operands that metrics and laws read.
        frame: the answer with `[MASK]` for each item that is to be found; None where the answer has no fixed format.
        shown: what a demonstration writes as its answer; empty where it is the answer alone.
        marker: what precedes the answer in `shown` (`Sample.marker`).
    """

    text: str
    answer: str
    facts: Mapping[str, Any]
    frame: str | None = None
    shown: str = ""
    marker: str = ""


class Task(Options, ABC):
    """A task that makes samples.

    `shots` is the number of demonstrations before the question (None: the number on the model's card, else `default_shots`).
    `samples` is the number of samples. Sample i of seed s is drawn from a random stream that depends only on (suite, name,
    version, s, i), so it is the same whatever the number of samples and the limit. With `infill` the canvas starts as the
    sample's frame, and the model fills only the `[MASK]` slots. `system` is the text of a system turn before all others.
    """

    suite: ClassVar[str] = "ours"
    version: ClassVar[int] = 1
    default_shots: ClassVar[int] = 1
    preset_keys: ClassVar[frozenset[str]] = frozenset({"operation"})

    shots: int | None = Field(None, ge=0, le=8, description="demonstrations before the question")
    samples: int = Field(100, ge=1, le=1_000_000, description="number of samples")
    max_new_tokens: int = Field(32, ge=1, le=1_000_000, description="length of the canvas in tokens")
    infill: bool = Field(False, description="give the frame of the answer and mask only its items")
    system: str = Field("", max_length=8000, description="a system prompt, for models whose chat template takes one")

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
        """A hash of the files that the samples come from; empty where name, version and options determine the samples."""
        return ""

    @abstractmethod
    def question(self, rng: random.Random, index: int) -> Question:
        """Draw one question from `rng`. `index` may set its size, for example the length of a list, but not its content."""

    def demonstration(self, rng: random.Random, index: int, number: int) -> Question:
        """Draw demonstration `number` of sample `index`: another question, of any size."""
        return self.question(rng, rng.randrange(1 << 16))

    def reveals_answer(self, demonstration: Question, question: Question) -> bool:
        """Whether the demonstration is the question itself, or its answer is a right answer to the question."""
        if demonstration.text == question.text or demonstration.answer == question.answer:
            return True
        if self.law is None:
            return False
        sample = Sample(self.name, self.version, 0, 0, (), question.answer, question.facts, question.frame, self.law)
        return score(sample, demonstration.answer, self.metrics[:1])[self.metrics[0]] == 1.0

    def shots_shown(self, card: int | None) -> int:
        """The number of demonstrations: the option `shots`, else the number on the model's card, else the task's default."""
        return next(n for n in (self.shots, card, self.default_shots) if n is not None)

    def sample(self, seed: int, index: int, shots: int | None = None) -> Sample:
        """Make sample `index` of `seed`; `shots` is the number on the model's card, which applies if the option is None."""
        rng = stream(self.suite, self.name, self.version, seed, index)
        question = self.question(rng, index)
        turns = [Turn("system", self.system)] if self.system else []
        for number in range(self.shots_shown(shots)):
            shown = self._demonstration(rng, index, number, question)
            turns += [Turn("user", shown.text), Turn("assistant", shown.shown or shown.answer)]
        turns.append(Turn("user", question.text))
        answer, facts, frame = question.answer, question.facts, question.frame
        return Sample(self.name, self.version, seed, index, tuple(turns), answer, facts, frame, self.law, question.marker)

    def written_answer(self, sample: Sample) -> str:
        """The text of a right answer to a sample as a demonstration shows it: with chain of thought the steps come first."""
        question = self.question(stream(self.suite, self.name, self.version, sample.seed, sample.index), sample.index)
        return question.shown or question.answer

    def _demonstration(self, rng: random.Random, index: int, number: int, question: Question) -> Question:
        for _ in range(DRAWS):
            shown = self.demonstration(rng, index, number)
            if not self.reveals_answer(shown, question):
                return shown
        raise UserError(
            f"{self.spec} has no demonstration that does not give the answer to sample {index} away; "
            "set shots=0, or let the task draw from more."
        )

    def stratum(self, index: int) -> int:
        """What makes sample `index` long or difficult, known before it is drawn: the length of its list, or 0 for all alike."""
        return 0

    def order(self, seed: int) -> list[int]:
        """The indices of all samples in a seeded random order; a limit of N selects the first N.

        Strata take turns, so the first N have equally many samples of each (to within one) as long as none is used up. Which
        stratum comes first depends on the seed alone, so tasks of equal strata have equal numbers of each at every limit.
        """
        indices = list(range(self.samples))
        stream(self.suite, self.name, self.version, seed, "order").shuffle(indices)
        groups: dict[int, list[int]] = {}
        for index in indices:
            groups.setdefault(self.stratum(index), []).append(index)
        turns = sorted(groups)
        stream(self.suite, "strata", seed).shuffle(turns)
        rounds = zip_longest(*(groups[stratum] for stratum in turns))
        return [index for one_each in rounds for index in one_each if index is not None]

    @property
    def spec(self) -> str:
        """The task's name with the options that were set, in the form that a user writes."""
        options = {key: getattr(self, key) for key in sorted(self.model_fields_set) if key not in self.preset_keys}
        return render(self.name, options)
