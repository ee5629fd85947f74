"""Rules of the verb: its form behind an auxiliary, and a sentence that has none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.lexicon import (
    AUXILIARIES,
    BE,
    BE_FINITE,
    DETERMINERS,
    DO,
    HAVE,
    MODALS,
    OBJECTS,
    PAST_ONLY,
    PREPOSITIONS,
    SUBJECTS,
)  # fmt: skip
from parallelbench.metrics.grammar.words import Sentence, Word

_FINITE = {"VBD", "VBZ", "VBP", "VB", "MD"}
_NOT = ("not", "n't")
_AUXILIARY_OR_TO = AUXILIARIES | {"to"}
_NEVER_BEHIND_MODAL = BE_FINITE | {"has", "had", "does", "did", "to"} | MODALS - {"will", "can", "may"}
_NEVER_BEHIND_BE = BE_FINITE | {"has"}
_NEVER_BEHIND_HAVE = PAST_ONLY | BE_FINITE | MODALS - {"will", "can", "might", "may", "must"}
_BEFORE_PARTICIPLE = AUXILIARIES | PREPOSITIONS | {"n't", "not", "and", "or", "than"}
_WANT_A_NOUN = DETERMINERS - {"his", "its"}
_NEVER_BEHIND_DETERMINER = (
    (PREPOSITIONS - {"in", "on", "by", "about", "under"})
    | (BE - {"being"})
    | DETERMINERS
    | (OBJECTS - {"us"})
    | (SUBJECTS - {"i"})
    | {"has", "had", "does", "did", "cannot", "could", "would", "should", "there", "it"}
    | {"and", "or", "but", "because", "if", "this", "that", "these", "those"}
)
_NEVER_BEFORE_OF = PREPOSITIONS - {"about", "in", "on"}
_NEVER_LAST = frozenset({"and", "or", "but", "nor", "because", "although", "if", "unless", "while", "whenever", "very", "than",
                         "every", "whose"})  # fmt: skip
_BEFORE_LAST_SUBJECT = BE | {"than", "as", "and", "or", "not"}
_VERBS = AUXILIARIES - {"be", "been", "being"} | {"'s", "'re", "'m", "'d", "let", "thank", "thanks"}


def verb_form(sentence: Sentence) -> Iterator[Hit]:
    """The wrong form behind an auxiliary: "can goes", "did went", "has went", "is bring", "to went", "will is", "will to"."""
    for place, one in enumerate(sentence):
        if one.lower not in _AUXILIARY_OR_TO:
            continue
        behind = [word for word in sentence[place + 1 : place + 3] if word.lower not in _NOT][:1]
        if not behind or (place and sentence[place - 1].lower in DETERMINERS):
            continue
        two, name = behind[0], one.lower
        wrong = False
        if name in MODALS:
            wrong = two.is_finite_only or two.lower in _NEVER_BEHIND_MODAL
        elif name in DO:
            denied = sentence[place + 1].lower in _NOT
            wrong = two.is_finite_only or two.lower in BE_FINITE or (denied and two.lower == "to")
        elif name == "to":
            wrong = two.is_finite_only and not (place and sentence[place - 1].is_letters and not sentence[place - 1].can)
        elif name in HAVE:
            wrong = two.lower in _NEVER_BEHIND_HAVE
        elif name in BE_FINITE and sentence[0].lower not in ("all", "what"):
            wrong = two.is_finite_only or two.only("VB", "VBP") or two.lower in _NEVER_BEHIND_BE - {name}
        if wrong:
            yield Hit("verb_form", one.start, two.end)


def participle(sentence: Sentence) -> Iterator[Hit]:
    """A pronoun with a participle and no auxiliary: "she going home", "they gone", "he not sell"."""
    for place, (one, two) in enumerate(pairwise(sentence)):
        if one.lower not in SUBJECTS or (place and sentence[place - 1].lower in _BEFORE_PARTICIPLE):
            continue
        if (
            two.only("VBG")
            or (two.lower.endswith("ing") and two.tag == "VBG" and "VBG" in two.can)
            or (two.lower == "not" and place + 2 < len(sentence) and sentence[place + 2].is_letters)
        ):
            yield Hit("missing_verb", one.start, two.end)
        elif two.only("VBN"):
            yield Hit("verb_form", one.start, two.end)


def missing_verb(sentence: Sentence) -> Iterator[Hit]:
    """A sentence of three words or more in which nothing can be its verb."""
    letters = [word for word in sentence if word.is_letters]
    if len(letters) < 3 or sentence[-1].lower not in (".", "!"):
        return
    before = [None, *letters]
    if not any(_may_be_finite(word, last) for word, last in zip(letters, before, strict=False)):
        yield Hit("missing_verb", sentence[0].start, sentence[-1].end)


def _may_be_finite(word: Word, before: Word | None) -> bool:
    if word.lower in _VERBS or word.tag in _FINITE or "VBD" in word.can:
        return True
    if before is None:
        return "VB" in word.can  # an order
    if before.lower in DETERMINERS or before.tag in ("JJ", "IN", "TO", "DT", "CD", "PRP$"):
        return False
    return "VBZ" in word.can or ("VBP" in word.can and "NNS" in before.can)


def pronoun_case(sentence: Sentence) -> Iterator[Hit]:
    """An object where a subject belongs and the other way round: "him went", "with she"."""
    for place, (one, two) in enumerate(pairwise(sentence)):
        if not place and one.lower in OBJECTS and (two.lower in AUXILIARIES or two.is_finite_only):
            yield Hit("pronoun_case", one.start, two.end)
        wrong = one.lower in ("with", "to", "from", "at", "of") and two.lower in ("he", "she", "they", "we", "i")
        if wrong and (place + 2 == len(sentence) or not sentence[place + 2].is_letters):
            yield Hit("pronoun_case", one.start, two.end)


def determiner(sentence: Sentence) -> Iterator[Hit]:
    """A determiner without a noun: "the of", "a is", "my the", "the went", "saw the."."""
    for place, one in enumerate(sentence):
        if one.lower not in _WANT_A_NOUN or (one.lower == "a" and one.text == "A" and place):
            continue
        two = sentence[place + 1] if place + 1 < len(sentence) else None
        if two is None or two.lower in (".", ",", "!", "?", ";"):
            yield Hit("determiner", one.start, one.end if two is None else two.end)
        elif two.lower != one.lower and _never_behind_determiner(two):
            yield Hit("determiner", one.start, two.end)


def _never_behind_determiner(word: Word) -> bool:
    return (word.lower in _NEVER_BEHIND_DETERMINER and word.text.islower()) or word.is_finite_only


def open_end(sentence: Sentence) -> Iterator[Hit]:
    """A sentence that stops in the middle: "... and.", "... because."."""
    words = [word for word in sentence if word.is_letters]
    closes = sentence[-1].lower in (".", "!", "?") or sentence[-1].is_letters
    if (words and closes and words[-1].lower in _NEVER_LAST) or (
        len(words) > 1 and words[-1].lower in SUBJECTS - {"i"} and words[-2].lower not in _BEFORE_LAST_SUBJECT
    ):
        yield Hit("open_end", words[-1].start, sentence[-1].end)


def preposition(sentence: Sentence) -> Iterator[Hit]:
    """Two prepositions that never meet: "to of", "at of", "of of"."""
    for one, two in pairwise(sentence):
        wrong = one.lower in _NEVER_BEFORE_OF and two.lower == "of"
        if wrong or (one.lower == "of" and two.lower in ("to", "with", "for", "into")):
            yield Hit("preposition", one.start, two.end)
