"""Draws scenes (a person, an action on an object, a place, a quality) and fills sentence templates, called frames, from them.

A frame has the fields `{person}`, `{verb}`, `{object}`, `{place}` and `{quality}` of the first scene, the same with the suffix
2 or 3 for further scenes, inflected forms (`{a_person}`, `{verbs}`, `{verbed}`, `{done}`, `{verbing}`), times, and rare words.
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
"""For each field the text that is written and the word of the tables in its uninflected form."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The values that frames are filled with.

    Attributes:
        texts: the text of each field.
        words: the uninflected word of each field that shows a word of the tables.
    """

    texts: Mapping[str, str]
    words: Mapping[str, str]

    def fill(self, frame: str) -> str:
        """Write the sentence of a frame."""
        return capital(fill(frame, self.texts))

    def words_of(self, frame: str) -> list[tuple[str, str]]:
        """The fields of a frame with their words, in order, if the field's text contains the word; each word only once."""
        found = dict.fromkeys((name, self.words[name]) for name in fields(frame, self.texts, "a frame") if name in self.words)
        distinct = {word: name for name, word in reversed(found) if word in self.texts[name].lower()}
        return [(name, word) for word, name in reversed(distinct.items())]


def topics(rng: random.Random, count: int) -> list[str]:
    """Draw `count` different topics by name."""
    return rng.sample(sorted(table(TOPICS)), count)


def draw(rng: random.Random, scenes: Sequence[str], people: Mapping[str, str] = MappingProxyType({})) -> Drawn:
    """Draw a scene from each of the topics in `scenes`, and times and rare words; `people` holds the texts of further fields.

    The fields of the first scene have no suffix, those of the second the suffix 2, those of the third the suffix 3. No word
    occurs in two scenes.
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
    """Draw a scene of each topic without repeating a word; if a topic has no unused words left, draw all scenes again."""
    while True:
        made: list[Scene] = []
        used: set[str] = set()
        for name in names:
            topic = table(TOPICS)[name]
            if not _has_scene(topic, used):
                break
            made.append(_scene(rng, topic, used))
            used |= {word for _, word in made[-1].values()}
        else:
            return made


def _has_scene(topic: Mapping[str, Any], used: set[str]) -> bool:
    """Whether a scene of the topic can be made without the used words."""
    spots = [place.split()[-1] for place in topic["places"]]
    actions = [(verb, thing) for verb, things in topic["actions"].items() for thing in things if not {verb, thing} & used]
    free = [[word for word in words if word not in used] for words in (topic["people"], spots, topic["qualities"])]
    return any(len({*words, *action}) == 5 for *words, action in product(*free, actions))


def _scene(rng: random.Random, topic: Mapping[str, Any], used: set[str]) -> Scene:
    """Draw a person, a verb, an object, a place and a quality of a topic, all unused, and return the fields of the scene."""
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
