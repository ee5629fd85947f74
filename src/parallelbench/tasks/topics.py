"""The topics that scenes are drawn from: people, what they do to which things, where, how and why, and what happens meanwhile.

In a topic anyone of `people` can do any of `actions` to the things behind it, in any of its ways and for any of its reasons,
at any of `places`; `everyday` is what anybody else can do there too. `events` follow "when" and "before", `states` "while",
`causes` "because", and `buts` "although"; each is a subject and a verb phrase in its base form, and a plus marks a plural
subject. The pronouns ~it and ~its stand for the thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from parallelbench.tasks.english import past, table, third

Kind = Literal["count", "mass", "plural", "only", "bare", "many"]
_KINDS: Mapping[str, Kind] = {"*": "mass", "+": "plural", "=": "only", "~": "bare", "^": "many"}
_FILES = ("home", "work", "away")


@dataclass(frozen=True, slots=True)
class Thing:
    """A noun, how it is counted, and qualities that it can have."""

    noun: str
    kind: Kind
    qualities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """A verb with the things that it is done to, and ways and reasons of doing it."""

    verb: str
    what: tuple[str, ...]
    how: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """A subject and its verb phrase, whose first word is inflected."""

    subject: str
    plural: bool
    verb: str
    rest: str

    def present(self) -> str:
        """The clause in the present tense."""
        return f"{self.subject} {agree(self.verb, self.plural)}{self.rest}"

    def past(self) -> str:
        """The clause in the past tense."""
        verb = agree("was", self.plural) if self.verb == "be" else past(self.verb)
        return f"{self.subject} {verb}{self.rest}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, see the module."""

    name: str
    people: tuple[str, ...]
    places: tuple[str, ...]
    actions: tuple[Action, ...]
    everyday: tuple[Action, ...]
    events: tuple[Clause, ...]
    states: tuple[Clause, ...]
    causes: tuple[Clause, ...]
    buts: tuple[Clause, ...]


def agree(verb: str, plural: bool) -> str:
    """The form of the present tense for one or several; of "was" that of the past tense."""
    if verb in ("be", "was"):
        return {"be": ("is", "are"), "was": ("was", "were")}[verb][plural]
    if verb == "have":
        return "have" if plural else "has"
    head, space, rest = verb.partition(" ")
    return verb if plural else third(head) + space + rest


@cache
def topics() -> tuple[Topic, ...]:
    """All topics, by file and name."""
    return tuple(_topic(name, parts) for file in _FILES for name, parts in table(f"topics/{file}.yaml").items())


@cache
def things() -> dict[str, Thing]:
    """All things by their noun."""
    found: dict[str, Thing] = {}
    for group in table("things.yaml").values():
        for word in group["nouns"]:
            noun = word.rstrip("".join(_KINDS))
            found[noun] = Thing(noun, _KINDS.get(word[len(noun) :], "count"), tuple(group["qualities"]))
    return found


def _topic(name: str, parts: Mapping[str, Any]) -> Topic:
    clauses = (tuple(_clause(text) for text in parts[key]) for key in ("events", "states", "causes", "buts"))
    actions, everyday = (_actions(parts[key]) for key in ("actions", "everyday"))
    return Topic(name, tuple(parts["people"]), tuple(parts["places"]), actions, everyday, *clauses)


def _actions(rows: Mapping[str, Mapping[str, Sequence[str]]]) -> tuple[Action, ...]:
    return tuple(Action(verb, *(tuple(row[key]) for key in ("what", "how", "why"))) for verb, row in rows.items())


def _clause(text: str) -> Clause:
    subject, _, predicate = text.partition("/")
    verb, space, rest = predicate.partition(" ")
    return Clause(subject.removeprefix("+"), subject.startswith("+"), verb, space + rest)
