"""Rules about adjacent words and characters: repeated words, a and an, capital letters, punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from parallelbench.metrics.grammar.abbreviations import is_abbreviation
from parallelbench.metrics.grammar.article import article
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.lexicon import AUXILIARIES, MAY_REPEAT, word_set
from parallelbench.metrics.grammar.words import Sentence

_SPACE_BEFORE = re.compile(r"(?<=\w)[ \t]+(?:[,;:!?]|\.(?!\.|\d))")
_DOUBLED = re.compile(r",[ \t]*[,.;:!?]|(?<!\.)\.[,;:]|;[,;]|[!?][,.;]|(?<![.])\.[ \t]*\.(?![ \t]*\.)")
_NO_SPACE = re.compile(r"(?<=[a-z]),(?=[A-Za-z])|(?<=[a-z]{2})[.!?](?=[A-Z][a-z])")
_DOUBLE_NAMES = word_set("bora walla pago baden duran sing sirhan lala zsa humbert")
_BEHIND_ABBREVIATION = (".,", ".;", ".:")
"""What is right behind an abbreviation: "at 5 p.m., so"."""


def repeated_word(sentence: Sentence) -> Iterator[Hit]:
    """The same word twice, or the same two words twice: "the the", "in the in the"."""
    for place in range(1, len(sentence)):
        one, two = sentence[place - 1], sentence[place]
        if one.lower == two.lower and two.is_letters and not _may_repeat(sentence, place):
            yield Hit("repeated_word", one.start, two.end)
        elif place >= 3 and two.is_letters and one.is_letters and one.lower != two.lower:
            before = sentence[place - 3], sentence[place - 2]
            again = (before[0].lower, before[1].lower) == (one.lower, two.lower)
            if again and not one.lower.startswith("'") and not {one.lower, two.lower} & {"and", "by"}:  # "on and on and on"
                yield Hit("repeated_word", before[0].start, two.end)


def _may_repeat(sentence: Sentence, place: int) -> bool:
    """True where the word at `place` may be the same as the one before it: "had had", "Bora Bora", "gave her her coat"."""
    word, before = sentence[place], sentence[place - 2 : place - 1]
    if word.lower in ("her", "you"):
        told = any(word.can & {"VB", "VBD", "VBP"} and word.lower not in AUXILIARIES for word in before)
        return told and place + 1 < len(sentence)
    return word.lower in MAY_REPEAT or (word.text.istitle() and word.lower in _DOUBLE_NAMES)


def a_an(sentence: Sentence) -> Iterator[Hit]:
    """ "a apple", "an disrespectful"."""
    for one, two in pairwise(sentence):
        if one.lower in ("a", "an") and (one.text != "A" or (one is sentence[0] and two.lower not in AUXILIARIES)):
            wanted = article(two.text)
            if wanted is not None and wanted != one.lower:
                yield Hit("a_an", one.start, two.end)


def lower_case_start(sentence: Sentence) -> Iterator[Hit]:
    """A sentence that begins with a small letter."""
    place = next((place for place, word in enumerate(sentence) if word.is_letters), 2)
    if place > 1 or (place and sentence[0].text[0].isalnum()):
        return
    word = sentence[place]
    if word.text[0].islower() and word.text.islower():  # unlike "iPhone"
        yield Hit("lower_case_start", word.start, word.end)


def punctuation(text: str) -> Iterator[Hit]:
    """A space before a mark, a doubled mark, or no space behind one."""
    for pattern in (_SPACE_BEFORE, _DOUBLED, _NO_SPACE):
        for found in pattern.finditer(text):
            if not (found.group() in _BEHIND_ABBREVIATION and is_abbreviation(text, found.start())):
                yield Hit("punctuation", *found.span())
