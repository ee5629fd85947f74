"""The words of a sentence, each with its likely tag and with every tag that it can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from parallelbench.metrics.grammar.abbreviations import is_abbreviation
from parallelbench.metrics.grammar.dictionary import likely_tags, readings
from parallelbench.metrics.grammar.lexicon import PAST_ONLY
from parallelbench.metrics.grammar.splitter import sentence_spans

_TOKEN = re.compile(
    r"(?:[A-Za-z]{1,2}\.){2,}|[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?(?=\W|$)"  # noqa: RUF001
    r"|\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s|pm|am)?|\w+|[^\w\s]"
)
_CLITIC = re.compile(r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))$", re.IGNORECASE)  # noqa: RUF001


class Word(NamedTuple):
    """A word or a punctuation mark of a sentence.

    `text` is as written and `lower` in lower case; `tag` is its likely Penn tag and `can` every tag that it can have;
    `start` and `end` are its span in characters of the text. `is_letters` is true for a word or a part of one ("n't"), and
    false for a number or a mark.
    """

    text: str
    lower: str
    tag: str
    can: frozenset[str]
    start: int
    end: int
    is_letters: bool

    @property
    def is_finite_only(self) -> bool:
        """True for a form that can only be finite: "goes", "went"."""
        return self.only("VBZ") or self.lower in PAST_ONLY

    @property
    def is_noun_like(self) -> bool:
        """True where the word can be a noun, or probably is one."""
        return "NN" in self.can or "NNS" in self.can or self.tag.startswith("NN")

    def only(self, *tags: str) -> bool:
        """True where the dictionary knows the word, and as nothing but these."""
        return bool(self.can) and self.can <= set(tags)


Sentence = list[Word]


def sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text, each as its words; a contraction is two words, "does" and "n't"."""
    for start, end in sentence_spans(text):
        if found := _words(text, start, end):
            yield found


def _words(text: str, start: int, end: int) -> Sentence:
    spans: list[tuple[int, int]] = []
    for found in _TOKEN.finditer(text, start, end):
        a, b = found.span()
        if found.group() == "." and spans and spans[-1][1] == a and is_abbreviation(text, a):
            spans[-1] = (spans[-1][0], b)  # the stop of "Mrs." is a part of the word
        else:
            spans.extend(_split(found))
    pieces = [text[a:b] for a, b in spans]
    lowers = [piece.lower().replace("’", "'") for piece in pieces]  # noqa: RUF001
    return [
        Word(piece, lower, tag, readings(lower), *span, is_letters=lower.strip("'")[:1].isalpha())
        for piece, lower, tag, span in zip(pieces, lowers, likely_tags(pieces), spans, strict=True)
    ]


def _split(found: re.Match[str]) -> list[tuple[int, int]]:
    """The spans of a word and of what is contracted with it."""
    start, end = found.span()
    clitic = None if found.group().isalpha() else _CLITIC.search(found.group())
    cut = start + clitic.start() if clitic else end
    return [(start, cut), (cut, end)] if start < cut < end else [(start, end)]
