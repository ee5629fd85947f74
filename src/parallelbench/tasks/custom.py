"""Tasks in a user's words: any of the ten list operations, a Latin square or a Sudoku (`custom_file` reads them)."""

from __future__ import annotations

import random
from abc import ABC
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from parallelbench.tasks.base import Question, Task
from parallelbench.tasks.lists import OPERATIONS, Operands, OperationName, SortKey, ask, one_or_many, write
from parallelbench.tasks.puzzles import LATIN_METRICS, SUDOKU_METRICS, ask_latin_square, ask_sudoku
from parallelbench.tasks.template import fields, fill


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a custom task comes from: what the user typed, and a hash of the file and of the words it names."""

    spec: str
    digest: str


class CustomTask(Task, ABC):
    """What every custom task has: a name, a prompt template and where it was read."""

    suite: ClassVar[str] = "custom"

    title: str = Field(alias="name", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$", description="the id of the task")
    type: str = Field(description="what is asked")
    prompt: str = Field(description="the question, with {fields} for the operands")
    origin: Origin

    @property
    def name(self) -> str:
        return self.title

    @property
    def fingerprint(self) -> str:
        return self.origin.digest

    @property
    def spec(self) -> str:
        return self.origin.spec

    def _check_prompt(self, needed: Iterable[str]) -> None:
        names = list(needed)
        missing = set(names) - set(fields(self.prompt, names, f"the prompt of '{self.title}'"))
        if missing:
            raise ValueError(f"the prompt does not show {{{min(missing)}}}; put it where the model must read it")


class CustomList(CustomTask):
    """One of the ten list operations on the user's words. Sort is by number where every word is one, else by letters."""

    type: OperationName = Field(description="which of the ten operations")
    words: tuple[str, ...] = Field(description="the words that lists are drawn from: a list, or a file beside this one")
    lengths: Annotated[tuple[Annotated[int, Field(ge=2)], ...], BeforeValidator(one_or_many)] = Field(
        (3, 4, 5, 6), min_length=1, description="list lengths, in turn"
    )
    metric: str | None = Field(None, description="the headline metric, where it is not the type's own")

    @model_validator(mode="after")
    def _fits(self) -> CustomList:
        needed = max(self.lengths) + self._new_words
        if len(self.words) < needed:
            raise ValueError(f"lists of {max(self.lengths)} need {needed} words, but there are {len(self.words)}; add words")
        if self.metric is not None and self.metric.removesuffix("_strict") not in self._judges:
            raise ValueError(
                f"metric '{self.metric}' cannot judge type '{self.type}'; choose one of {', '.join(sorted(self._judges))}"
            )
        if self.type == "sort" and len({self._key(word) for word in self.words}) < len(self.words):
            raise ValueError("two of the words are equal when they are sorted; words are sorted without regard to case")
        self._check_prompt(["context", *self._needs])
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        if self.metric is None:
            return OPERATIONS[self.type].metrics
        lenient = self.metric.removesuffix("_strict")
        return (lenient, f"{lenient}_strict") if self.metric == lenient else (self.metric, lenient)

    @property
    def law(self) -> str | None:
        return OPERATIONS[self.type].law

    @property
    def _needs(self) -> tuple[str, ...]:
        return OPERATIONS[self.type].needs

    @property
    def _judges(self) -> set[str]:
        """The lenient metrics that accept the right answer: the operation's, and that of the operation with more right answers.

        `reverse`, for example, has one right answer, which is also a right answer to `shuffle`.
        """
        sibling = "shuffle" if self.type == "reverse" else self.type.replace("_index", "_random")
        return {"list_exact", *(OPERATIONS[name].metrics[0] for name in OPERATIONS if name in (self.type, sibling))}

    @property
    def _new_words(self) -> int:
        return int("word" in self._needs)

    @property
    def _key(self) -> SortKey:
        return int if all(word.removeprefix("-").isdecimal() for word in self.words) else str.casefold

    def stratum(self, index: int) -> int:
        return self.lengths[index % len(self.lengths)]

    def question(self, rng: random.Random, index: int) -> Question:
        length = self.stratum(index)
        drawn = rng.sample(self.words, length + self._new_words)
        return ask(self.type, rng, drawn[:length], "".join(drawn[length:]), self._key, self._wording)

    def _wording(self, operands: Operands) -> str:
        return fill(self.prompt, {"context": write(operands.items), "word": operands.word, "index": operands.index})


class CustomLatinSquare(CustomTask):
    """A Latin square in the user's words."""

    size: int = Field(4, ge=3, le=5, description="rows and columns")
    max_new_tokens: int = Field(64, ge=1, description="length of the canvas in tokens")

    @model_validator(mode="after")
    def _fits(self) -> CustomLatinSquare:
        self._check_prompt(["size", "symbols"])
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        return LATIN_METRICS

    @property
    def law(self) -> str | None:
        return "latin_square"

    def question(self, rng: random.Random, index: int) -> Question:
        return ask_latin_square(rng, self.size, self._wording)

    def _wording(self, symbols: list[str]) -> str:
        return fill(self.prompt, {"size": self.size, "symbols": ", ".join(symbols)})


class CustomSudoku(CustomTask):
    """A 4 x 4 Sudoku in the user's words."""

    givens: int = Field(12, ge=4, le=12, description="cells that are shown")
    max_new_tokens: int = Field(64, ge=1, description="length of the canvas in tokens")

    @model_validator(mode="after")
    def _fits(self) -> CustomSudoku:
        self._check_prompt(["sudoku"])
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        return SUDOKU_METRICS

    @property
    def law(self) -> str | None:
        return "deterministic"

    def question(self, rng: random.Random, index: int) -> Question:
        return ask_sudoku(rng, self.givens, lambda puzzle: fill(self.prompt, {"sudoku": puzzle}))
