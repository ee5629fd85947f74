"""Words to sentence: write one sentence that uses n given words (paper, section 5 and Table 2; our words, frames and wording).

First a sentence is generated, and then words are chosen from it, so that every sample has an answer. Easy words are from one
topic; medium words from the work of one topic and the everyday life of another; hard words are rare things, creatures and
sites, which only a dream, a museum or a story brings together.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import ClassVar, Literal

from pydantic import Field

from parallelbench.tasks.base import Question
from parallelbench.tasks.english import gerund, join, participle, past, table, third
from parallelbench.tasks.phrases import write
from parallelbench.tasks.scenes import Values, draw_scene, nominal
from parallelbench.tasks.text import SENTENCE_METRICS, TextTask
from parallelbench.tasks.topics import Thing, things, topics

SENTENCES, RARE = "sentences.yaml", "rare.yaml"
MANY = 5
"""From this number of words on, the sentences of easy words have two deeds."""
LONGEST = 25
"""Words of a sentence, at most."""
OWNED = 0.16
"""The probability that a rare thing is somebody's."""
CHOICES = 8
"""Draws of words from one sentence, at most."""
RARE_FIELDS = frozenset(
    {"portable", "creature", "site", "odd", "odds", "odded", "odd_done", "odding", "stunt", "stunted", "stunt_done"}
)
Band = Literal["easy", "medium", "hard"]


class WordsToSentence(TextTask):
    """Given n words, write one sentence that uses them all."""

    preset_keys: ClassVar[frozenset[str]] = frozenset({"band"})
    version: ClassVar[int] = 2
    texts: ClassVar[str] = "words_to_sentence"

    band: Band = Field(description="how hard the words are to join")
    words: int = Field(4, ge=1, le=7, description="number of words")

    @property
    def name(self) -> str:
        return f"words_to_sentence/{self.band}"

    @property
    def metrics(self) -> tuple[str, ...]:
        return SENTENCE_METRICS

    def question(self, rng: random.Random, index: int) -> Question:
        sentence, words = draw_sentence(rng, self.band, self.words)
        noun = "word" if self.words == 1 else "words"
        return Question(self._ask(noun=noun, words=join(words)), sentence, {"kind": "sentence", "words": words})


def draw_sentence(rng: random.Random, band: Band, count: int) -> tuple[str, list[str]]:
    """Draw a sentence of a band, and `count` of its words in random order."""
    frames = table(SENTENCES)
    while True:
        one, two = rng.sample(topics(), 2)
        if band == "easy":
            values = Values(draw_scene(rng, one))
            frame = rng.choice(frames["two" if count >= MANY else "one"])
        else:
            values = Values(draw_scene(rng, one, two))
            frame = rng.choice(frames["cross" if band == "medium" else "strange"])
        if band == "hard":
            _add_rare(rng, values)
        used: list[str] = []
        sentence = write(frame, rng, values, used=used)
        words = _choose_words(rng, values.shown(used), count, band)
        if words and len(sentence.split()) <= LONGEST:
            return sentence, words


def _choose_words(rng: random.Random, found: Sequence[tuple[str, str]], count: int, band: Band) -> list[str]:
    """Choose `count` words of a sentence, medium ones from both topics, hard ones two rare ones; none if it has too few."""
    for _ in range(CHOICES if len(found) >= count else 0):
        taken = rng.sample(found, count)
        fields = [name.rstrip("2") if band == "hard" else name[-1] == "2" for name, _ in taken]
        rare = sum(field in RARE_FIELDS for field in fields)
        if band == "easy" or count == 1 or (rare >= 2 if band == "hard" else len(set(fields)) == 2):
            return [word for _, word in taken]
    return []


def _add_rare(rng: random.Random, values: Values) -> None:
    """Add the fields of rare things, creatures and sites, and of what is done to the things."""
    rare, taken = table(RARE), set(values.nouns)
    for kind, names in {
        "portable": ("portable", "portable2"),
        "creature": ("creature", "creature2"),
        "site": ("site",),
    }.items():
        offered = [thing for thing in (_portable() if kind == "portable" else _rare(kind)) if thing.noun not in taken]
        for name, thing in zip(names, rng.sample(offered, len(names)), strict=True):
            phrase = nominal(rng, "odd" if kind == "portable" else "lone", thing.noun, thing.qualities)
            if kind == "portable" and rng.random() < OWNED:
                phrase = replace(phrase, determiner=f"the {rng.choice(rng.choice(topics()).people)}'s")
            values.add(name, phrase)
    odd, stunt = rng.choice(rare["odd"]), rng.choice(rare["stunt"])
    values |= {"odd": odd, "odds": third(odd), "odded": past(odd), "odd_done": participle(odd), "odding": gerund(odd)}
    values |= {"stunt": stunt, "stunted": past(stunt), "stunt_done": participle(stunt)}
    values.words |= dict.fromkeys(("odd", "odds", "odded", "odd_done", "odding"), (odd,))
    values.words |= dict.fromkeys(("stunt", "stunted", "stunt_done"), (stunt,))


@cache
def _rare(kind: str) -> tuple[Thing, ...]:
    """The rare things of a kind."""
    rows = table(RARE)[kind]
    return tuple(Thing(noun, "count", tuple(rows["qualities"])) for noun in rows["nouns"])


@cache
def _portable() -> tuple[Thing, ...]:
    """Rare things that can be carried, and everyday ones of some classes."""
    everyday = [
        things()[noun.rstrip("*+=~^")] for name in table(RARE)["classes"] for noun in table("things.yaml")[name]["nouns"]
    ]
    rare = _rare("portable")
    return (
        *rare,
        *(thing for thing in everyday if thing.kind in ("count", "many") and thing.noun not in {one.noun for one in rare}),
    )
