"""Sentences, words and what a word can be: Penn tags from the dictionary of lemminflect, likely tags from textblob's tagger."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

from parallelbench.metrics.grammar.lexicon import HARDLY_NOUNS, PAST_ONLY

_TOKEN = re.compile(
    r"(?:[A-Za-z]\.){2,}|[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?(?=\W|$)"  # noqa: RUF001
    r"|\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s|pm|am)?|\w+|[^\w\s]"
)
_CLITIC = re.compile(r"(?:n['’]t|['’](?:s|re|ve|ll|d|m))$", re.IGNORECASE)  # noqa: RUF001
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|\n")  # noqa: RUF001
_SHORT = {"mr", "mrs", "ms", "dr", "st", "prof", "vs", "etc", "no", "e.g", "i.e", "a.m", "p.m", "jr", "sr", "u.s", "inc"}
_LEMMA_TAGS = {"NOUN": ("NN", "NNS"), "VERB": ("VB", "VBP", "VBZ", "VBD", "VBN", "VBG"), "ADJ": ("JJ", "JJR", "JJS"),
               "ADV": ("RB", "RBR", "RBS")}  # fmt: skip


class Word(NamedTuple):
    """A word or a mark: as it stands, in lower case, its likely tag, every tag that it can have, and its span; and whether it
    is a word or a part of one ("n't"), no number and no mark."""

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

    def only(self, *tags: str) -> bool:
        """True where the dictionary knows the word, and as nothing but these."""
        return bool(self.can) and self.can <= set(tags)


Sentence = list[Word]


def sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text, each as its words; a contraction is two words, "does" and "n't"."""
    start = 0
    for mark in _END.finditer(text):
        before = text[start : mark.start()].rpartition(" ")[2].lower().lstrip("(\"'")
        if mark.group().startswith(".") and (before in _SHORT or _continues(text, mark.end())):
            continue
        if found := _words(text, start, mark.end()):
            yield found
        start = mark.end()
    if found := _words(text, start, len(text)):
        yield found


def _continues(text: str, at: int) -> bool:
    """True where an ellipsis, or a stop inside a quotation, is followed by a small letter."""
    return text[at - 2 : at] == ".." and text[at : at + 2].strip().islower()


def _words(text: str, start: int, end: int) -> Sentence:
    spans = [span for found in _TOKEN.finditer(text, start, end) for span in _split(found)]
    pieces = [text[a:b] for a, b in spans]
    lowers = [piece.lower().replace("’", "'") for piece in pieces]  # noqa: RUF001
    tags = _tags(pieces)
    return [
        Word(piece, lower, tag, readings(lower), *span, is_letters=lower.strip("'")[:1].isalpha())
        for piece, lower, tag, span in zip(pieces, lowers, tags, spans, strict=True)
    ]


def _split(found: re.Match[str]) -> list[tuple[int, int]]:
    start, end = found.span()
    clitic = None if found.group().isalpha() else _CLITIC.search(found.group())
    cut = start + clitic.start() if clitic else end
    return [(start, cut), (cut, end)] if start < cut < end else [(start, end)]


def _tags(pieces: list[str]) -> list[str]:
    """The likely Penn tags, by lexicon, endings and the rules of Brill's tagger."""
    return [str(tag) for _, tag in _tagger().find_tags(pieces)]


@cache
def _tagger() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # textblob leaves the file of its lexicon open
        from textblob.en import parser

        parser.find_tags(["word"])
    return parser


@lru_cache(1 << 16)
def readings(lower: str) -> frozenset[str]:
    """Return every Penn tag that the dictionary gives a word in lower case; none where it does not know it."""
    from lemminflect import getAllInflections, getAllLemmas

    found = set()
    for kind, lemmas in getAllLemmas(lower).items():
        for lemma in lemmas:
            forms = getAllInflections(lemma, upos=kind)
            found |= {tag for tag in _LEMMA_TAGS.get(kind, ()) if lower in forms.get(tag, ())}
    return frozenset(found - {"NN", "NNS", "JJ"} if lower in HARDLY_NOUNS else found)
