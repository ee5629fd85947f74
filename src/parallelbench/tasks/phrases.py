"""Templates of phrases: `[a|b]` draws one alternative, `{field}` is filled, `<fact:text>` is written only if the fact was told.

Alternatives may be nested and empty. Spaces are tidied and sentences begin with a capital letter, so that a template need not
say where an omitted part leaves a space.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(r"\[|\]|\||>|<(\w+):|\{([^{}]+)\}|[^\[\]|<>{}]+")
_SPACE_BEFORE = re.compile(r" +(?=[,.?!])")
_START = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")


@dataclass(frozen=True, slots=True)
class Field:
    """A place that is filled with the value of a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives, of which one is drawn."""

    options: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A part that is written only where a fact was told."""

    fact: str
    phrase: Phrase


Phrase = tuple["str | Field | Choice | Told", ...]


@lru_cache(1 << 14)
def parse(template: str) -> Phrase:
    """Read a template.

    Raises:
        ValueError: a bracket has no counterpart.
    """
    tokens = list(_TOKEN.finditer(template))
    options, rest = _options(tokens, 0, "")
    if rest != len(tokens) or sum(len(token.group()) for token in tokens) != len(template):
        raise ValueError(f"brackets do not match in {template!r}")
    return options[0] if len(options) == 1 else (Choice(options),)


def _options(tokens: Sequence[re.Match[str]], at: int, end: str) -> tuple[tuple[Phrase, ...], int]:
    """Read alternatives from token `at` to the bracket `end`; return them and the number of the token behind it."""
    options: list[Phrase] = []
    nodes: list[str | Field | Choice | Told] = []
    while at < len(tokens) and (token := tokens[at].group()) not in ("]", ">"):
        at += 1
        if token == "|":
            options.append(tuple(nodes))
            nodes = []
        elif token == "[":
            inner, at = _options(tokens, at, "]")
            nodes.append(Choice(inner))
        elif token.startswith("<"):
            inner, at = _options(tokens, at, ">")
            nodes.append(Told(token[1:-1], (Choice(inner),)))
        else:
            nodes.append(Field(token[1:-1]) if token.startswith("{") else token)
    if not end:
        return (*options, tuple(nodes)), at
    if at == len(tokens) or tokens[at].group() != end:
        raise ValueError(f"brackets do not match in {tokens[0].string!r}")
    return (*options, tuple(nodes)), at + 1


def write(
    template: str, rng: random.Random, values: Mapping[str, str], told: Collection[str] = (), used: list[str] | None = None
) -> str:
    """Write a template with drawn alternatives; the names of its filled fields are appended to `used`, in order."""
    pieces: list[str] = []
    for node in _drawn(parse(template), rng, told):
        if isinstance(node, Field):
            pieces.append(values[node.name])
            if used is not None:
                used.append(node.name)
        else:
            pieces.append(node)
    return tidy("".join(pieces))


def tidy(text: str) -> str:
    """Text with single spaces, none before a mark, and a capital letter at the start of each sentence."""
    text = _SPACE_BEFORE.sub("", " ".join(text.split()))
    return _START.sub(lambda found: found.group().upper(), text)


def _drawn(phrase: Phrase, rng: random.Random, told: Collection[str]) -> Iterator[str | Field]:
    for node in phrase:
        if isinstance(node, Choice):
            yield from _drawn(node.options[int(rng.random() * len(node.options))], rng, told)
        elif isinstance(node, Told):
            if node.fact in told:
                yield from _drawn(node.phrase, rng, told)
        else:
            yield node
