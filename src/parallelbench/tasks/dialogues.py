"""Writes short dialogues of two people with reference summaries, both from the record of an event.

The record says which facts there are and who knows them. Some facts are told in half of the dialogues only. A turn tells facts
in words or only implies them ("I was there last year"), and the summaries are written from the facts that were told, so no
summary says what its chat does not.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from parallelbench.tasks.english import table
from parallelbench.tasks.phrases import write

CHATS = ("chats/plans.yaml", "chats/help.yaml", "chats/news.yaml", "chats/more.yaml")
TABLES = "chats/tables.yaml"
REFERENCES = 3
_PRONOUNS = {"she": ("she", "her", "her", "hers"), "he": ("he", "him", "his", "his")}
_FORMS = ("he", "him", "his", "hers")


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of an event that the dialogue tells.

    Attributes:
        name: what the record calls it.
        how: whether it is said or only implied.
        teller: the speaker, "a" or "b", who tells it first.
        knew: who of the people "a", "b" and "c" knew it before.
    """

    name: str
    how: Literal["said", "implied"]
    teller: str
    knew: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The turns of a dialogue, alternative summaries, and for each of its events the kind and the facts that were told."""

    turns: tuple[str, ...]
    summaries: tuple[str, ...]
    events: tuple[tuple[str, tuple[Fact, ...]], ...]

    @property
    def text(self) -> str:
        """The turns as lines."""
        return "\n".join(self.turns)


class _Words(dict[str, str]):
    """The texts of the fields of an event; those from tables are drawn when they are first needed."""

    def __init__(self, rng: random.Random, people: Mapping[str, tuple[str, str]]) -> None:
        super().__init__({letter: name for letter, (name, _) in people.items()})
        for letter, (_, gender) in people.items():
            self.update({f"{letter}_{form}": said for form, said in zip(_FORMS, _PRONOUNS[gender], strict=True)})
        self._rng = rng
        self._rows: dict[str, list[Any]] = {}

    def __missing__(self, name: str) -> str:
        field = name.rstrip("23")
        key = _table_of()[field]
        if key not in self._rows:
            self._rows[key] = self._rng.sample(table(TABLES)[key], 3)
        row = self._rows[key][int(name[len(field) :] or 1) - 1]
        said = str(row[field] if isinstance(row, dict) else row).replace("{you}", self.get("you", ""))
        if field not in _SMALL_TALK:
            self[name] = said
        return said


_SMALL_TALK = frozenset(
    {"hello", "sure", "agreed", "sorry", "deny", "oh", "alas", "thanks", "bye", "shall", "both_shall", "want"}
)
"""Tables that are drawn from anew each time."""


def draw_dialogue(rng: random.Random, events: int) -> Dialogue:
    """Draw a dialogue of two people about `events` events of different kinds, one after another."""
    people = _draw_people(rng, 2 + 2 * events)
    speakers, others = people[:2], people[2:]
    turns: list[str] = []
    told: list[list[str]] = []
    facts: list[tuple[str, tuple[Fact, ...]]] = []
    for number, event in enumerate(rng.sample(kinds(), events)):
        a, b = speakers if rng.random() < 0.5 else speakers[::-1]
        words = _Words(rng, {"a": a, "b": b, "c": others[2 * number], "d": others[2 * number + 1]})
        withheld = {fact for fact in event.get("maybe", ()) if rng.random() < 0.5}
        spoken, known = _speak(rng, event, words, set(event["knows"]) - withheld)
        turns += spoken
        facts.append((event["kind"], known))
        named = {fact.name for fact in known}
        told.append([write(summary, rng, words, named) for summary in rng.sample(event["summaries"], REFERENCES)])
    return Dialogue(tuple(turns), tuple(" ".join(parts) for parts in zip(*told, strict=True)), tuple(facts))


@cache
def kinds() -> list[dict[str, Any]]:
    """The kinds of event, as they are in the tables."""
    return [event for name in CHATS for event in table(name)]


def _speak(
    rng: random.Random, event: Mapping[str, Any], words: _Words, record: Collection[str]
) -> tuple[list[str], tuple[Fact, ...]]:
    """Write the turns that tell the facts of the record, and return them with these facts; a turn without words is left out."""
    turns: list[str] = []
    facts: dict[str, Fact] = {}
    for speaker, tells, say in event["turns"]:
        words["you"] = words["b" if speaker == "a" else "a"]
        text = write(say, rng, words, record)
        if not text:
            continue
        turns.append(f"{words[speaker]}: {text}")
        for fact in tells.split():
            name = fact.removeprefix("~")
            if name in record:
                how: Literal["said", "implied"] = "said" if name == fact else "implied"
                facts.setdefault(name, Fact(name, how, speaker, frozenset(event["knows"][name])))
    return turns, tuple(facts.values())


def _draw_people(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Draw different people, each with a name and a pronoun."""
    return rng.sample(_people(), count)


@cache
def _people() -> list[tuple[str, str]]:
    return [(name, pronoun) for pronoun, names in table(TABLES)["people"].items() for name in names]


@cache
def _table_of() -> Mapping[str, str]:
    """For each field the table that has its values."""
    return {
        field: key
        for key, rows in table(TABLES).items()
        if key != "people"
        for field in (rows[0] if isinstance(rows[0], dict) else (key,))
    }
