"""Sentences without a verb: "The dog on the mat."."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.lexicon import AUXILIARIES, CLITICS, DETERMINERS, word_set
from parallelbench.metrics.grammar.words import Sentence, Word

_FINITE = {"VBD", "VBZ", "VBP", "VB", "MD"}
_VERBS = AUXILIARIES - {"be", "been", "being"} | CLITICS - {"'ll", "'ve"} | {"let", "thank", "thanks"}
_SEVERAL = word_set("we they and two three four five six seven eight nine ten many most all some few both")
"""Words that make a subject plural, or that show one."""
_FORMULAS = word_set(
    """
    congratulations happy merry welcome greetings cheers sorry farewell goodbye hello hi hey good bravo so no yes what
    how such
    """
)
"""First words of exclamations that need no verb: "Happy birthday to you!", "What a lovely day!"."""
_MORE = frozenset({"more", "less", "fewer"})
_BEFORE_ORDER = word_set(', ; : please then " “ ( — – …')  # noqa: RUF001


def missing_verb(sentence: Sentence) -> Iterator[Hit]:
    """A sentence of three words or more in which nothing can be its verb."""
    letters = sum(word.is_letters for word in sentence)
    if letters < 3 or sentence[-1].text[-1] not in ".!" or _needs_none(sentence):
        return
    if not any(_may_be_finite(sentence, place) for place, word in enumerate(sentence) if word.is_letters):
        yield Hit("missing_verb", sentence[0].start, sentence[-1].end)


def _needs_none(sentence: Sentence) -> bool:
    """True for exclamations, and for "The sooner, the better."."""
    first = next(word.lower for word in sentence if word.is_letters)
    if first in _FORMULAS and sentence[-1].text == "!":
        return True
    comparatives = [
        one.lower == "the" and bool(two.can & {"JJR", "RBR"} or two.lower in _MORE) for one, two in pairwise(sentence)
    ]
    return comparatives[0] and sum(comparatives) > 1


def _may_be_finite(sentence: Sentence, place: int) -> bool:
    word = sentence[place]
    if word.lower in _VERBS or word.tag in _FINITE or "VBD" in word.can:
        return True
    if _begins_order(sentence, place):
        return "VB" in word.can
    before = sentence[place - 1]
    if before.lower in DETERMINERS or before.tag in ("JJ", "IN", "TO", "DT", "CD", "PRP$"):
        return False
    return "VBZ" in word.can or ("VBP" in word.can and word.tag != "JJ" and _has_plural_subject(sentence, place))


_SUBJECT = 12
"""Words before a verb among which its subject is looked for."""


def _begins_order(sentence: Sentence, place: int) -> bool:
    """True at the start of a clause, adverbs aside: "Gently press", "First, shuffle"."""
    first = max(0, place - _SUBJECT)
    while place > first and (sentence[place - 1].tag in ("RB", "UH") or sentence[place - 1].only("RB")):
        place -= 1
    return not place or sentence[place - 1].lower in _BEFORE_ORDER


def _has_plural_subject(sentence: Sentence, place: int) -> bool:
    before = sentence[place - 1]
    if "NNS" in before.can:
        return True
    follows = place + 1 < len(sentence) and sentence[place + 1].text.isalnum()
    joined = before.is_noun_like or before.tag in ("PRP", "RB", "NNP")
    return follows and joined and any(map(_is_several, sentence[max(0, place - _SUBJECT) : place]))


def _is_several(word: Word) -> bool:
    return word.tag in ("NNS", "NNPS") or word.lower in _SEVERAL or word.only("NNS")
