"""The ten list operations: what each does to a list of distinct items, and which metric scores the answers.

The tasks `waiting_line` and `list_ops` and custom tasks all use these operations, with different items and prompts.
"""

from __future__ import annotations

import random
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from parallelbench.schema import MASK_ITEM
from parallelbench.tasks.base import Question
from parallelbench.tasks.english import table
from parallelbench.tasks.wordings import WordedTask

Items = list[str]
SortKey = Callable[[str], Any]
OperationName = Literal[
    "copy",
    "reverse",
    "sort",
    "shuffle",
    "replace_index",
    "replace_random",
    "insert_index",
    "insert_random",
    "remove_index",
    "remove_random",
]


@dataclass(frozen=True, slots=True)
class Operands:
    """The list that an operation changes, a new item, and a position. Only some operations use the item or the position."""

    items: Items
    word: str
    index: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One list operation.

    Attributes:
        name: its name in `OPERATIONS`.
        metric: the name of the metric that accepts every right answer.
        law: the name of the distribution of the right answers (`theory.laws`).
        apply: returns one right answer; only `sort` uses the sort key.
        needs: the operands that the prompt must show ("word", "index").
        growth: the length of the answer minus the length of the input.
    """

    name: str
    metric: str
    law: str
    apply: Callable[[Operands, random.Random, SortKey], Items]
    needs: tuple[str, ...] = ()
    growth: int = 0

    @property
    def metrics(self) -> tuple[str, str]:
        """The lenient metric, which is the headline, and the strict one."""
        return self.metric, f"{self.metric}_strict"

    def draw(self, rng: random.Random, items: Items, word: str, key: SortKey) -> tuple[Operands, Items]:
        """Draw a position and one right answer."""
        slots = len(items) + 1 if self.growth > 0 else len(items)
        operands = Operands(items, word, rng.randrange(slots))
        return operands, self.apply(operands, rng, key)

    def facts(self, operands: Operands, answer: Items) -> Mapping[str, Any]:
        """The operands that the metric and the law need, as `Sample.facts`."""
        shown = {"word": operands.word, "index": operands.index}
        return {"items": operands.items, "expected": answer} | {need: shown[need] for need in self.needs}


def _replaced(o: Operands, at: int) -> Items:
    return [*o.items[:at], o.word, *o.items[at + 1 :]]


def _inserted(o: Operands, at: int) -> Items:
    return [*o.items[:at], o.word, *o.items[at:]]


def _removed(o: Operands, at: int) -> Items:
    return [*o.items[:at], *o.items[at + 1 :]]


def _shuffled(o: Operands, rng: random.Random) -> Items:
    items = list(o.items)
    while items == o.items:  # at least two distinct items: ends with probability 1, on average after n!/(n!-1) draws
        rng.shuffle(items)
    return items


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("copy", "list_exact", "deterministic", lambda o, rng, key: list(o.items)),
        Operation("reverse", "list_exact", "deterministic", lambda o, rng, key: o.items[::-1]),
        Operation("sort", "list_exact", "deterministic", lambda o, rng, key: sorted(o.items, key=key)),
        Operation("shuffle", "list_shuffle", "shuffle", lambda o, rng, key: _shuffled(o, rng)),
        Operation("replace_index", "list_exact", "deterministic", lambda o, rng, key: _replaced(o, o.index), ("word", "index")),
        Operation("replace_random", "list_random_replace", "replace_random",
                  lambda o, rng, key: _replaced(o, o.index), ("word",)),
        Operation("insert_index", "list_exact", "deterministic",
                  lambda o, rng, key: _inserted(o, o.index), ("word", "index"), growth=1),
        Operation("insert_random", "list_random_insert", "insert_random",
                  lambda o, rng, key: _inserted(o, o.index), ("word",), growth=1),
        Operation("remove_index", "list_exact", "deterministic",
                  lambda o, rng, key: _removed(o, o.index), ("index",), growth=-1),
        Operation("remove_random", "list_random_remove", "remove_random",
                  lambda o, rng, key: _removed(o, o.index), (), growth=-1),
    )
}  # fmt: skip


def one_or_many(value: Any) -> Any:
    """Accept one number for an option that takes several: `lengths=15`."""
    return (value,) if isinstance(value, int) else value


def write(items: Sequence[str]) -> str:
    """Write a list the way prompts and answers show it: `["a", "b"]`."""
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"


def frame(count: int) -> str:
    """Return the answer format for `count` items, with the mask item in the place of each."""
    return write([MASK_ITEM] * count)


def ask(name: str, rng: random.Random, items: Items, word: str, key: SortKey, wording: Callable[[Operands], str]) -> Question:
    """Draw the position and one right answer of an operation on these items; `wording` writes the text of the question."""
    operation = OPERATIONS[name]
    operands, answer = operation.draw(rng, items, word, key)
    return Question(wording(operands), write(answer), operation.facts(operands, answer), frame(len(answer)))


@cache
def names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The first and the last names that ship with the package."""
    data = table("names.yaml")
    return tuple(data["first"]), tuple(data["last"])


@cache
def nouns() -> tuple[str, ...]:
    """The common nouns that ship with the package."""
    return tuple(table("nouns.yaml"))


def last_name(person: str) -> str:
    """Return the last name of a person, which is the key of the operation `sort` on people."""
    return person.rsplit(" ", 1)[-1]


class ListTask(WordedTask, ABC):
    """A task with one of the ten operations; a subclass defines the items of the lists."""

    group: ClassVar[str]
    """The first part of the task's name, before the slash."""
    operation: OperationName = Field(description="which of the ten operations")

    @property
    def name(self) -> str:
        return f"{self.group}/{self.operation}"

    @property
    def metrics(self) -> tuple[str, ...]:
        return OPERATIONS[self.operation].metrics

    @property
    def law(self) -> str | None:
        return OPERATIONS[self.operation].law

    def _on(self, rng: random.Random, items: Items, word: str, key: SortKey, instruction: str) -> Question:
        """The question about the task's operation on these items; `instruction` is the key of the sentence that asks for it."""

        def wording(operands: Operands) -> str:
            shown = {"context": write(operands.items), "word": operands.word, "index": operands.index}
            return self._ask(instruction, **shown)

        return ask(self.operation, rng, items, word, key, wording)
