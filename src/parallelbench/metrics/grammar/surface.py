"""Rules that look at letters and neighbours only: repeats, a/an, capitals, punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from parallelbench.metrics.grammar.article import article
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.lexicon import MAY_REPEAT
from parallelbench.metrics.grammar.words import Sentence

_SPACE_BEFORE = re.compile(r"(?<=\w)[ \t]+(?:[,;:!?]|\.(?!\.|\d))")
_DOUBLED = re.compile(r",[ \t]*[,.;:!?]|(?<!\.)\.[,;:]|;[,;]|[!?][,.;]|(?<![.])\.[ \t]*\.(?![ \t]*\.)")
_NO_SPACE = re.compile(r"(?<=[a-z]),(?=[A-Za-z])|(?<=[a-z]{2})[.!?](?=[A-Z][a-z])")


def repeated_word(sentence: Sentence) -> Iterator[Hit]:
    """The same word twice, or the same two words twice: "the the", "in the in the"."""
    for place in range(1, len(sentence)):
        one, two = sentence[place - 1], sentence[place]
        if one.lower == two.lower and two.is_letters and two.lower not in MAY_REPEAT:
            yield Hit("repeated_word", one.start, two.end)
        elif place >= 3 and two.is_letters and one.is_letters and one.lower != two.lower:
            before = sentence[place - 3], sentence[place - 2]
            if (before[0].lower, before[1].lower) == (one.lower, two.lower) and not one.lower.startswith("'"):
                yield Hit("repeated_word", before[0].start, two.end)


def a_an(sentence: Sentence) -> Iterator[Hit]:
    """ "a apple", "an disrespectful"."""
    for one, two in pairwise(sentence):
        if one.lower in ("a", "an") and (one.text != "A" or one is sentence[0]):
            wanted = article(two.text)
            if wanted is not None and wanted != one.lower:
                yield Hit("a_an", one.start, two.end)


def lower_case_start(sentence: Sentence) -> Iterator[Hit]:
    """A sentence that begins with a small letter."""
    first = next((word for word in sentence if word.is_letters), None)
    if first is not None and first.text[0].islower() and sentence.index(first) <= 1:
        yield Hit("lower_case_start", first.start, first.end)


def punctuation(text: str) -> Iterator[Hit]:
    """A space before a mark, a doubled mark, or no space behind one."""
    for pattern in (_SPACE_BEFORE, _DOUBLED, _NO_SPACE):
        yield from (Hit("punctuation", *found.span()) for found in pattern.finditer(text))
