"""Draws scenes, who does what to which thing, where, how and why, and gives the words of sentences about them.

A scene has one deed or two. The fields of the first have no suffix, those of the second have a 2: `{person}`, `{verb}` and its
forms `{verbs}`, `{verbed}`, `{done}`, `{verbing}`, `{object}`, `{place}`, `{how}`, `{why}`. `{+want}` is a verb that agrees with
the person, `{2+want}` with the second, `{o+be}` and `{o2+be}` with the objects; `{+verb2}` is what the first person does with the
second deed. A field with a capital begins a sentence.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from parallelbench.tasks.english import capital, gerund, participle, past, plural, table, third, with_article
from parallelbench.tasks.topics import Action, Kind, Topic, agree, things

MOMENTS = "moments.yaml"
PEOPLE = ("young", "old", "tall", "friendly", "tired", "careful", "clever", "nervous", "cheerful", "proud", "quiet", "patient",
          "curious", "lazy", "famous", "retired", "shy", "new", "stubborn", "blond", "sleepy", "witty", "hungry", "generous", "brave",
          "grumpy", "serious", "modest", "dreamy", "thoughtful", "lonely", "polite", "strict", "charming", "jealous", "bored")  # fmt: skip
SITES = ("quiet", "dark", "empty", "old", "small", "large", "dusty", "cold", "crowded", "sunny")
QUALIFIED = 0.45
"""The probability that a noun has a quality."""
UNKNOWN = 0.3
"""The probability that a place is one of several, with a quality."""
_DETERMINERS: Mapping[Kind | str, tuple[tuple[tuple[str, bool], ...], tuple[float, ...]]] = {
    "person": ((("the", False), ("a", False), ("our", False), ("the", True), ("two", True), ("some", True)), (54, 26, 5, 7, 5, 3)),
    "count": (
        (("the", False), ("a", False), ("another", False), ("the", True), ("two", True), ("some", True), ("several", True),
         ("", True)),
        (38, 36, 3, 7, 4, 4, 3, 5),
    ),
    "many": ((("the", True), ("some", True), ("two", True), ("several", True), ("", True), ("a", False)), (40, 16, 10, 9, 18, 7)),
    "odd": (
        (("the", False), ("a", False), ("my uncle's", False), ("the queen's", False), ("our", False), ("somebody's", False),
         ("your", False), ("their", False)),
        (30, 46, 4, 4, 5, 3, 4, 4),
    ),
    "site": ((("the", False), ("a", False)), (42, 58)),
    "mass": ((("the", False), ("some", False), ("", False)), (46, 28, 26)),
    "plural": ((("the", True), ("some", True)), (70, 30)),
    "only": ((("the", False),), (1,)),
    "bare": ((("", False),), (1,)),
}  # fmt: skip

Part = Literal["verbs", "nouns", "qualities", "phrases"]
Voice = Callable[[Part, str], str]
"""How a word or a whole phrase is said: as it is, or in another way."""


def as_written(part: Part, word: str) -> str:
    """The voice that says every word as the tables have it."""
    return word



@dataclass(frozen=True, slots=True)
class Nominal:
    """A noun phrase: "the fresh bread", "two nurses"."""

    determiner: str
    quality: str
    noun: str
    several: bool

    def text(self, voice: Voice) -> str:
        """The phrase as it is said."""
        noun = voice("nouns", self.noun)
        words = [voice("qualities", self.quality), plural(noun) if self.several else noun]
        said = " ".join(word for word in words if word)
        if self.determiner == "a":
            return with_article(said)
        return f"{self.determiner} {said}" if self.determiner else said

    @property
    def words(self) -> tuple[str, ...]:
        """Its noun, of a compound the last word, and its quality."""
        return (self.noun.rpartition(" ")[2], *([self.quality] if self.quality else []))


@dataclass(frozen=True, slots=True)
class Deed:
    """Somebody does something to a thing."""

    person: Nominal
    verb: str
    thing: Nominal
    place: str
    how: str
    why: str

    @property
    def words(self) -> set[str]:
        """Its words."""
        return {*self.person.words, *self.thing.words, self.verb, self.place.split()[-1]}


@dataclass(frozen=True, slots=True)
class Scene:
    """One or two deeds, and the texts of clauses and times."""

    deeds: tuple[Deed, ...]
    around: Mapping[str, str]


class Values(dict[str, str]):
    """The texts of the fields of a scene, as one voice says them; `words` has the uninflected words that a field shows."""

    def __init__(self, scene: Scene, voice: Voice = as_written) -> None:
        super().__init__({name: voice("phrases", text) for name, text in scene.around.items()})
        self.words: dict[str, tuple[str, ...]] = {}
        self.nouns = [noun for deed in scene.deeds for noun in (deed.person.noun, deed.thing.noun)]
        self._plural: dict[str, bool] = {}
        self._voice = voice
        for suffix, deed in zip(("", "2"), scene.deeds, strict=False):
            self._add(deed, suffix)

    def add(self, name: str, phrase: Nominal) -> None:
        """Add a field with a noun phrase."""
        self[name] = phrase.text(self._voice)
        self.words[name] = phrase.words

    def __missing__(self, name: str) -> str:
        if name[0].isupper():
            return capital(self[name[0].lower() + name[1:]])
        subject, plus, verb = name.partition("+")
        if not plus:
            raise KeyError(name)
        return agree(self.get(verb, verb), self._plural[subject])

    def shown(self, fields: Sequence[str]) -> list[tuple[str, str]]:
        """The fields with the words that their texts contain, each word once, in order."""
        found: dict[str, str] = {}
        for name in fields:
            text = self[name].lower()
            plain = name.rpartition("+")[2]
            for word in self.words.get(plain[0].lower() + plain[1:], ()):
                if word in text:
                    found.setdefault(word, name)
        return [(name, word) for word, name in found.items()]

    def _add(self, deed: Deed, suffix: str) -> None:
        verb, thing = self._voice("verbs", deed.verb), deed.thing
        head, space, particle = verb.partition(" ")
        forms = {
            "verb": head, "verbed": past(head), "done": participle(head), "verbing": gerund(head),
            "verbs": head if deed.person.several else third(head),
        }  # fmt: skip
        for form, text in forms.items():
            self[form + suffix] = text + space + particle
            self.words[form + suffix] = (deed.verb.partition(" ")[0],)
        self.add(f"person{suffix}", deed.person)
        self.add(f"object{suffix}", thing)
        self[f"a_person{suffix}"] = with_article(self._voice("nouns", deed.person.noun))
        self.words[f"a_person{suffix}"] = deed.person.words[:1]
        self[f"place{suffix}"] = self._voice("phrases", deed.place)
        self.words[f"place{suffix}"] = (deed.place.split()[-1],)
        self._plural |= {suffix: deed.person.several, f"o{suffix}": thing.several}
        it, its = ("them", "their") if thing.several else ("it", "its")
        self[f"it{suffix}"] = it
        for name, text in (("how", deed.how), ("why", deed.why)):
            self[name + suffix] = self._voice("phrases", text.replace("~its", its).replace("~it", it))


def draw_scene(rng: random.Random, first: Topic, second: Topic | None = None, two: bool = True) -> Scene:
    """Draw a scene: a deed of a topic, and with `two` another deed of other people.

    The other deed is of the same topic, or one of the everyday deeds of a second topic. No word comes twice.
    """
    while True:
        deeds = [draw_deed(rng, first, first.actions if second else first.actions + first.everyday)]
        if two:
            other = second or first
            deeds.append(draw_deed(rng, other, other.everyday if second else other.actions + other.everyday))
        words = [word for deed in deeds for word in deed.words]
        if len(set(words)) == len(words) and (not second or len({deed.person.noun for deed in deeds}) == 2):
            return Scene(tuple(deeds), draw_around(rng, first))


def draw_deed(rng: random.Random, topic: Topic, actions: Sequence[Action]) -> Deed:
    """Draw who of a topic does one of the actions, to what, where, how and why."""
    action = rng.choice(actions)
    person = nominal(rng, "person", rng.choice(topic.people), PEOPLE)
    thing = things()[rng.choice(action.what)]
    what = nominal(rng, thing.kind, thing.noun, [one for one in thing.qualities if one[:4] != action.verb[:4]])
    if what.determiner == person.determiner != "a":
        what = replace(what, determiner="the")
    return Deed(person, action.verb, what, _place(rng, topic), rng.choice(action.how), rng.choice(action.why))


def _place(rng: random.Random, topic: Topic) -> str:
    """Draw a place of a topic: "in the kitchen", and where it is but one noun sometimes "in a quiet kitchen"."""
    place = rng.choice(topic.places)
    before, _, noun = place.rpartition(" the ")
    if not before or " " in noun or rng.random() > UNKNOWN:
        return place
    return f"{before} {with_article(f'{rng.choice(SITES)} {noun}')}"


def nominal(rng: random.Random, kind: Kind | str, noun: str, qualities: Sequence[str]) -> Nominal:
    """Draw a noun phrase: its determiner and number, and often a quality."""
    options, weights = _DETERMINERS[kind]
    determiner, several = rng.choices(options, weights)[0]
    quality = rng.choice(qualities) if qualities and kind != "bare" and rng.random() < QUALIFIED else ""
    return Nominal(determiner, quality, noun, several)


def draw_around(rng: random.Random, topic: Topic) -> dict[str, str]:
    """Draw what happens around a deed, and the times."""
    event, state, cause, but = map(rng.choice, (topic.events, topic.states, topic.causes, topic.buts))
    clauses = {
        "event": event.past(), "events": event.present(), "state": state.past(), "states": state.present(),
        "cause": cause.past(), "causes": cause.present(), "but": but.past(), "buts": but.present(),
    }  # fmt: skip
    return clauses | {name: rng.choice(choices) for name, choices in table(MOMENTS).items()}
