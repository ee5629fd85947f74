"""Scenes: who does what to which thing, where. Frames of sentences are filled from them, and every sentence knows its words.

A frame has plain fields: `{person}`, `{verb}`, `{object}`, `{place}`, `{quality}` of the first scene, the same with 2 or 3
behind them of others, forms of them (`{a_person}`, `{verbs}`, `{verbed}`, `{done}`, `{verbing}`), times and rarer words.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any

from parallelbench.tasks.english import capital, gerund, participle, past, table, third, with_article
from parallelbench.tasks.template import fields, fill

TOPICS = "topics.yaml"
SENTENCES = "words_to_sentence.yaml"
Scene = dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a frame is filled with: `texts` by field, and the plain word of each field that brings one of the tables' words."""

    texts: Mapping[str, str]
    words: Mapping[str, str]

    def fill(self, frame: str) -> str:
        """Write the sentence of a frame."""
        return capital(fill(frame, self.texts))

    def words_of(self, frame: str) -> list[tuple[str, str]]:
        """The fields of a frame with their words, in order, where the sentence holds the word as it stands in the table."""
        found = dict.fromkeys((name, self.words[name]) for name in fields(frame, self.texts, "a frame") if name in self.words)
        distinct = {word: name for name, word in reversed(found) if word in self.texts[name].lower()}
        return [(name, word) for word, name in reversed(distinct.items())]


def topics(rng: random.Random, count: int) -> list[str]:
    """Draw names of topics, all different."""
    return rng.sample(sorted(table(TOPICS)), count)


def draw(rng: random.Random, scenes: Sequence[str], people: Mapping[str, str] = MappingProxyType({})) -> Drawn:
    """Draw a scene from each of these topics, times, and rarer words; `people` are further fields, given.

    The first scene has fields without a number, the second those with a 2, the third those with a 3. No word of a scene comes
    twice.
    """
    texts: dict[str, str] = dict(people)
    words: dict[str, str] = {}
    for number, scene in enumerate(_scenes(rng, scenes), 1):
        suffix = "" if number == 1 else str(number)
        for field, (text, word) in scene.items():
            texts[field + suffix] = text
            words[field + suffix] = word
    for field, (text, word) in _rare(rng).items():
        texts[field], words[field] = text, word
    for time, choices in table(SENTENCES)["times"].items():
        texts[time] = rng.choice(choices)
        texts[capital(time)] = capital(texts[time])
    return Drawn(texts, words)


def _scenes(rng: random.Random, names: Sequence[str]) -> list[Scene]:
    """Draw a scene of each topic, no word twice; where a topic has no words left, begin again."""
    while True:
        made: list[Scene] = []
        used: set[str] = set()
        for name in names:
            topic = table(TOPICS)[name]
            if not _is_left(topic, used):
                break
            made.append(_scene(rng, topic, used))
            used |= {word for _, word in made[-1].values()}
        else:
            return made


def _is_left(topic: Mapping[str, Any], used: set[str]) -> bool:
    """Whether a scene of a topic can be made without the used words."""
    spots = [place.split()[-1] for place in topic["places"]]
    actions = [(verb, thing) for verb, things in topic["actions"].items() for thing in things if not {verb, thing} & used]
    free = [[word for word in words if word not in used] for words in (topic["people"], spots, topic["qualities"])]
    return any(len({*words, *action}) == 5 for *words, action in product(*free, actions))


def _scene(rng: random.Random, topic: Mapping[str, Any], used: set[str]) -> Scene:
    """Draw who does what to which thing, where, and of which quality; each field with its text and its word."""
    while True:
        person, place, quality = (rng.choice(topic[kind]) for kind in ("people", "places", "qualities"))
        verb, thing = rng.choice([(verb, thing) for verb, things in topic["actions"].items() for thing in things])
        spot = place.split()[-1]
        if len({person, verb, thing, spot, quality} - used) == 5:
            break
    return {
        "person": (person, person),
        "a_person": (with_article(person), person),
        "verb": (verb, verb),
        "verbs": (third(verb), verb),
        "verbed": (past(verb), verb),
        "done": (participle(verb), verb),
        "verbing": (gerund(verb), verb),
        "Verbing": (capital(gerund(verb)), verb),
        "object": (thing, thing),
        "place": (place, spot),
        "quality": (quality, quality),
    }


def _rare(rng: random.Random) -> Scene:
    words = table(SENTENCES)
    one, two = rng.sample(words["rare"], 2)
    odd, verb = rng.choice(words["odd"]), rng.choice(words["do"])
    return {
        "rare": (one, one),
        "rare2": (two, two),
        "a_rare": (with_article(one), one),
        "a_rare2": (with_article(two), two),
        "odd": (odd, odd),
        "do": (verb, verb),
    }
