"""Draws scenes, who does what to which thing, where, how and why, and gives the words of sentences about them.

A scene has one deed or two. The fields of the first have no suffix, those of the second have a 2: `{person}`, `{a_person}`,
`{verb}` and its forms `{verbs}`, `{verbed}`, `{done}` and `{verbing}`, `{object}`, `{place}`, `{how}`, `{why}`. `{+want}` is a
verb that agrees with the person, `{2+want}` with the second, `{o+be}` and `{o2+be}` with the objects; in `{+verb2}` the first
person does what the second deed says. A field with a capital begins a sentence.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from parallelbench.tasks.english import capital, gerund, participle, past, plural, table, with_article
from parallelbench.tasks.topics import Action, Clause, Kind, Topic, agree, things

MOMENTS = "moments.yaml"
PEOPLE = (
    "young", "old", "tall", "friendly", "tired", "careful", "clever", "nervous", "cheerful", "proud", "quiet", "patient",
    "curious", "lazy", "famous", "retired", "shy", "new", "stubborn", "blond", "sleepy", "witty", "hungry", "generous",
    "brave", "grumpy", "serious", "modest", "dreamy", "thoughtful", "lonely", "polite", "strict", "charming", "jealous",
)  # fmt: skip
"""Qualities of people of every topic."""
SITES = ("quiet", "dark", "empty", "old", "small", "large", "dusty", "cold", "crowded", "sunny")
"""Qualities of places of every topic."""
_LONE_PLACES = frozenset({"flood", "sand", "summit", "coast", "scene", "parade", "shed", "grass"})
"""Places that have none of these qualities."""
_KIN = frozenset(
    {
        "mother",
        "father",
        "sister",
        "brother",
        "aunt",
        "uncle",
        "cousin",
        "grandmother",
        "grandfather",
        "boyfriend",
        "girlfriend",
    }
)
QUALIFIED: Mapping[Kind | str, float] = {"odd": 0.7, "lone": 0.6}
"""The probability that a noun has a quality, where it is not .45."""
UNKNOWN = 0.3
"""The probability that a place is one of several, with a quality."""
_DETERMINERS: Mapping[Kind | str, tuple[tuple[tuple[str, bool], ...], tuple[float, ...]]] = {
    "person": (
        (("the", False), ("a", False), ("our", False), ("the", True), ("two", True), ("some", True)),
        (54, 26, 5, 7, 5, 3),
    ),
    "kin": ((("the", False), ("our", False)), (70, 30)),
    "count": (
        (("the", False), ("a", False), ("another", False), ("the", True), ("two", True), ("some", True), ("several", True),
         ("", True)),
        (38, 36, 3, 7, 4, 4, 3, 5),
    ),
    "many": (
        (("the", True), ("some", True), ("two", True), ("several", True), ("", True), ("a", False)),
        (40, 16, 10, 9, 18, 7),
    ),
    "odd": ((("the", False), ("a", False), ("our", False), ("your", False)), (38, 54, 4, 4)),
    "lone": ((("the", False), ("a", False)), (42, 58)),
    "mass": ((("the", False), ("some", False), ("", False)), (46, 28, 26)),
    "plural": ((("the", True), ("some", True)), (70, 30)),
    "only": ((("the", False),), (1,)),
    "bare": ((("", False),), (1,)),
}  # fmt: skip

Part = Literal["verbs", "nouns", "qualities", "phrases"]
_AROUND = ("event", "state", "cause", "but")
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
        return {*self.person.words, *self.thing.words, self.verb.partition(" ")[0], self.place.split()[-1]}


@dataclass(frozen=True, slots=True)
class Scene:
    """One or two deeds, and what happens around them: clauses and times by the name of their field."""

    deeds: tuple[Deed, ...]
    clauses: Mapping[str, Clause]
    times: Mapping[str, str]


class Values(dict[str, str]):
    """The texts of the fields of a scene, as one voice says them, made when they are first needed.

    `words` has for each of these fields the uninflected words that it shows.
    """

    def __init__(self, scene: Scene, voice: Voice = as_written) -> None:
        super().__init__()
        self.words: dict[str, tuple[str, ...]] = {}
        self.nouns = [noun for deed in scene.deeds for noun in (deed.person.noun, deed.thing.noun)]
        self._scene, self._voice = scene, voice

    def add(self, name: str, phrase: Nominal) -> None:
        """Add a field with a noun phrase."""
        self[name] = phrase.text(self._voice)
        self.words[name] = phrase.words

    def shown(self, fields: Sequence[str]) -> list[tuple[str, str]]:
        """The fields with the words that their texts contain, each word once, in order."""
        found: dict[str, str] = {}
        for name in fields:
            text, plain = self[name].lower(), name.rpartition("+")[2]
            for word in self.words.get(plain[0].lower() + plain[1:], ()):
                if word in text:
                    found.setdefault(word, name)
        return [(name, word) for word, name in found.items()]

    def __missing__(self, name: str) -> str:
        subject, plus, verb = name.partition("+")
        if plus:
            deed = self._scene.deeds[subject[-1:] == "2"]
            noun = deed.thing if subject[:1] == "o" else deed.person
            return agree(self[verb] if verb == "verb2" else verb, noun.several)
        if name[0].isupper():
            return capital(self[name[0].lower() + name[1:]])
        text, words = self._around(name) or self._of_deed(self._scene.deeds[name[-1] == "2"], name.removesuffix("2"))
        self[name], self.words[name] = text, words
        return text

    def _around(self, name: str) -> tuple[str, tuple[str, ...]] | None:
        clause = self._scene.clauses.get(name.removesuffix("s"))
        if clause:
            return self._voice("phrases", clause.present() if name[-1] == "s" else clause.past()), ()
        return (self._voice("phrases", self._scene.times[name]), ()) if name in self._scene.times else None

    def _of_deed(self, deed: Deed, field: str) -> tuple[str, tuple[str, ...]]:
        """The text of a field of a deed and its words."""
        if field in _FORMS or field == "verbs":
            head, space, particle = self._voice("verbs", deed.verb).partition(" ")
            form = _FORMS[field](head) if field in _FORMS else agree(head, deed.person.several)
            return form + space + particle, (deed.verb.partition(" ")[0],)
        if field == "place":
            return self._voice("phrases", deed.place), (deed.place.split()[-1],)
        if field in ("how", "why"):
            it, its = ("them", "their") if deed.thing.several else ("it", "its")
            return self._voice("phrases", getattr(deed, field).replace("~its", its).replace("~it", it)), ()
        if field == "a_person":
            return with_article(self._voice("nouns", deed.person.noun)), deed.person.words[:1]
        phrase = {"person": deed.person, "object": deed.thing}[field]
        return phrase.text(self._voice), phrase.words


_FORMS: Mapping[str, Callable[[str], str]] = {"verb": str, "verbed": past, "done": participle, "verbing": gerund}


def draw_scene(rng: random.Random, first: Topic, second: Topic | None = None, two: bool = True) -> Scene:
    """Draw a scene: a deed of a topic, and with `two` another deed of other people.

    The other deed is of the same topic and at the same place, or one of the everyday deeds of a second topic. They share no
    other word.
    """
    one = draw_deed(rng, first, first.actions if second else first.actions + first.everyday)
    deeds: tuple[Deed, ...] = (one,)
    while two and len(deeds) == 1:
        topic = second or first
        other = draw_deed(rng, topic, topic.everyday if second else topic.actions + topic.everyday)
        other = other if second else replace(other, place=one.place)
        shared = one.words & other.words
        if not shared - ({one.place.split()[-1]} if not second else set()):
            deeds = (one, other)
    noun = one.place.split()[-1]
    around = {name: [clause for clause in getattr(first, f"{name}s") if noun not in clause.subject] for name in _AROUND}
    clauses = {name: rng.choice(clauses) for name, clauses in around.items()}
    return Scene(deeds, clauses, {name: rng.choice(choices) for name, choices in table(MOMENTS).items()})


def draw_deed(rng: random.Random, topic: Topic, actions: Sequence[Action]) -> Deed:
    """Draw who of a topic does one of the actions, to what, where, how and why."""
    action = rng.choice(actions)
    person = _person(rng, rng.choice(topic.people))
    place = _place(rng, topic)
    taken = (person.noun, place.split()[-1])
    thing = things()[rng.choice([noun for noun in action.what if noun not in taken])]
    what = nominal(rng, thing.kind, thing.noun, [one for one in thing.qualities if one[:4] != action.verb[:4]])
    if what.determiner == person.determiner != "a":
        what = replace(what, determiner="the")
    return Deed(person, action.verb, what, place, rng.choice(action.how), rng.choice(action.why))


def _person(rng: random.Random, noun: str) -> Nominal:
    return nominal(rng, "kin" if noun in _KIN else "person", noun, PEOPLE)


def _place(rng: random.Random, topic: Topic) -> str:
    """Draw a place of a topic: "in the kitchen", and where it is but one noun sometimes "in a quiet kitchen"."""
    place = rng.choice(topic.places)
    before, _, noun = place.rpartition(" the ")
    if not before or " " in noun or noun in _LONE_PLACES or noun.endswith("s") or rng.random() > UNKNOWN:
        return place
    return f"{before} {with_article(f'{rng.choice(SITES)} {noun}')}"


def nominal(rng: random.Random, kind: Kind | str, noun: str, qualities: Sequence[str]) -> Nominal:
    """Draw a noun phrase: its determiner and number, and often a quality."""
    options, weights = _DETERMINERS[kind]
    determiner, several = rng.choices(options, weights)[0]
    quality = rng.choice(qualities) if qualities and kind != "bare" and rng.random() < QUALIFIED.get(kind, 0.45) else ""
    return Nominal(determiner, quality, noun, several)
