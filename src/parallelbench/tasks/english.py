"""English inflection of the words in `tasks/data`: verb forms, articles and capitals, by rules and a table of exceptions."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from parallelbench.yaml_border import parse_yaml

VOWELS = "aeiou"


@cache
def table(name: str) -> Any:
    """What a YAML file of `tasks/data` holds."""
    return parse_yaml(files("parallelbench.tasks").joinpath("data", name).read_text(encoding="utf-8"))


def third(verb: str) -> str:
    """The form for one person in the present: bake, bakes."""
    if _ends_in_consonant_y(verb):
        return f"{verb[:-1]}ies"
    return verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def past(verb: str) -> str:
    """The past tense: bake, baked; throw, threw."""
    irregular = table("english.yaml")["irregular"]
    return str(irregular[verb][0]) if verb in irregular else _ed(verb)


def participle(verb: str) -> str:
    """The past participle: bake, baked; throw, thrown."""
    irregular = table("english.yaml")["irregular"]
    return str(irregular[verb][1]) if verb in irregular else _ed(verb)


def gerund(verb: str) -> str:
    """The form in -ing: bake, baking."""
    if verb.endswith("ie"):
        return f"{verb[:-2]}ying"
    stem = verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb
    return _doubled(stem) + "ing"


def with_article(noun: str) -> str:
    """A count noun with its article: a cook, an artist."""
    return ("an " if noun[0] in VOWELS and not noun.startswith(("uni", "use")) else "a ") + noun


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def join(words: list[str]) -> str:
    """Write words as a list in a sentence: a, b, and c."""
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


def _ed(verb: str) -> str:
    if _ends_in_consonant_y(verb):
        return f"{verb[:-1]}ied"
    return verb + "d" if verb.endswith("e") else _doubled(verb) + "ed"


def _doubled(verb: str) -> str:
    return verb + verb[-1] if verb in table("english.yaml")["doubled"] else verb


def _ends_in_consonant_y(verb: str) -> bool:
    return verb.endswith("y") and verb[-2] not in VOWELS
