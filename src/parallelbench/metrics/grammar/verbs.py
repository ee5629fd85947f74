"""Rules of the verb: its form behind an auxiliary, and a sentence that has none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from parallelbench.metrics.grammar.clauses import ends_relative_clause
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.lexicon import (
    AUXILIARIES,
    BE,
    BE_FINITE,
    CLITICS,
    DETERMINERS,
    DO,
    HAVE,
    MODALS,
    OBJECTS,
    PAST_ONLY,
    PREPOSITIONS,
    SUBJECTS,
    word_set,
)  # fmt: skip
from parallelbench.metrics.grammar.words import Sentence, Word

_NOT = ("not", "n't")
_AUXILIARY_OR_TO = AUXILIARIES | {"to"}
_NEVER_BEHIND_MODAL = BE_FINITE | {"has", "had", "does", "did", "to"} | MODALS - {"will", "can", "may"}
_NEVER_BEHIND_BE = BE_FINITE | {"has"}
_NEVER_BEHIND_HAVE = PAST_ONLY | BE_FINITE | MODALS - {"will", "can", "might", "may", "must"}
_BEFORE_PARTICIPLE = AUXILIARIES | CLITICS | PREPOSITIONS | {"n't", "not", "and", "or", "than"}
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
_BEFORE_LAST_SUBJECT = (
    AUXILIARIES | CLITICS | word_set("than as and or nor not n't but said asked replied cried answered whispered thought")
)
"""What a subject can follow at the very end: "taller than she", "aren't they?", "'No,' said he."."""
_BEFORE_WHILE = word_set("a long little short the whole good great quite some once")
"""What makes "while" a noun: "for a while"."""
_NEAR = 12
"""Words before a verb among which "did" is looked for."""
_LETTERS = frozenset("BCDEFGHJKLMNPQRSTUVWXYZ")
_WHEN = frozenset({"today", "tomorrow", "yesterday", "tonight"})
_SHORT_SUBJECT = (2, 3)
"""Words before the "had" of "The time we had" or "All he had", behind which "went" can be the verb of the sentence."""
_NEVER_LAST_BEHIND_NOUN = frozenset({"of", "from", "into", "with", "at", "for", "to"})
_STRANDING = frozenset({"to", "what", "which", "who", "whom", "that", "where", "whatever", "whoever", "how", "why", "worth"})
_BEFORE_NOUN = word_set("her 's own good free ill last")


def verb_form(sentence: Sentence) -> Iterator[Hit]:
    """The wrong form behind an auxiliary: "can goes", "did went", "has went", "is bring", "to went", "will is", "will to"."""
    for place, one in enumerate(sentence):
        if one.lower not in _AUXILIARY_OR_TO or (place and sentence[place - 1].lower in DETERMINERS):
            continue
        behind = [word for word in sentence[place + 1 : place + 3] if word.lower not in _NOT][:1]
        if not behind or not _is_auxiliary(sentence, place) or not _is_wrong_form(sentence, place, behind[0]):
            continue
        two = behind[0]
        subject = ends_relative_clause(sentence, place) and (two.lower not in PAST_ONLY or place in _SHORT_SUBJECT)
        if not subject:
            yield Hit("verb_form", one.start, two.end)


def _is_wrong_form(sentence: Sentence, place: int, two: Word) -> bool:
    """True where the auxiliary, or "to", at `place` cannot go with the word behind it, "not" aside."""
    name = sentence[place].lower
    if name in MODALS:
        return two.is_finite_only or two.lower in _NEVER_BEHIND_MODAL
    if name in DO:
        denied = sentence[place + 1].lower in _NOT
        return two.is_finite_only or two.lower in BE_FINITE or (denied and two.lower == "to")
    if name == "to":
        return two.is_finite_only and not (place > 0 and sentence[place - 1].is_letters and not sentence[place - 1].can)
    if name in HAVE:
        return two.lower in _NEVER_BEHIND_HAVE
    if name not in BE_FINITE:
        return False
    did = any(word.lower in DO for word in sentence[max(0, place - _NEAR) : place])  # "all I did was laugh"
    return two.is_finite_only or two.lower in _NEVER_BEHIND_BE - {name} or (two.only("VB", "VBP") and not did)


def _is_auxiliary(sentence: Sentence, place: int) -> bool:
    """False for the nouns and names that look like one: "her will is", "free will is", "May is", "Will has"."""
    word, before = sentence[place], sentence[place - 1] if place else None
    if word.lower not in ("will", "may", "might", "can", "must"):
        return True
    if word.text[0].isupper() and (place or word.lower in ("will", "may")):
        return False
    return before is None or not (
        before.lower in _BEFORE_NOUN or before.only("JJ") or ("JJ" in before.can and before.tag == "JJ")
    )


def participle(sentence: Sentence) -> Iterator[Hit]:
    """A pronoun with a participle or a noun where its verb should be: "she going home", "they gone", "she tractor"."""
    for place, (one, two) in enumerate(pairwise(sentence)):
        if one.lower not in SUBJECTS or (place and sentence[place - 1].lower in _BEFORE_PARTICIPLE):
            continue
        if (
            two.only("VBG")
            or (two.lower.endswith("ing") and two.tag == "VBG" and "VBG" in two.can)
            or (two.lower == "not" and place + 2 < len(sentence) and sentence[place + 2].is_letters)
        ) or (two.only("NN") and two.lower not in _WHEN):
            yield Hit("missing_verb", one.start, two.end)
        elif two.only("VBN"):
            yield Hit("verb_form", one.start, two.end)


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
        if one.lower not in _WANT_A_NOUN or (one.text == "A" and (place or _names_letters(sentence))):
            continue
        two = sentence[place + 1] if place + 1 < len(sentence) else None
        if two is None or two.lower in (".", ",", "!", "?", ";"):
            yield Hit("determiner", one.start, one.end if two is None else two.end)
        elif two.lower != one.lower and _never_behind_determiner(two):
            yield Hit("determiner", one.start, two.end)


def _names_letters(sentence: Sentence) -> bool:
    """True where capital letters are names of things: "A is greater than B."."""
    return any(word.text.rstrip(".") in _LETTERS for word in sentence)


def _never_behind_determiner(word: Word) -> bool:
    return (word.lower in _NEVER_BEHIND_DETERMINER and word.text.islower()) or word.is_finite_only


def open_end(sentence: Sentence) -> Iterator[Hit]:
    """A sentence that stops in the middle: "... and.", "... because."."""
    last = next((word for word in reversed(sentence) if word.text[0].isalnum()), None)
    words = [word for word in sentence if word.is_letters]
    if last is None or not words or last is not words[-1]:
        return  # a number: "less than $10."
    before = words[-2].lower if len(words) > 1 else ""
    closes = sentence[-1].lower in (".", "!", "?") or sentence[-1].is_letters
    never_last = last.lower in _NEVER_LAST and not (last.lower == "while" and before in _BEFORE_WHILE)
    if (never_last and closes) or (before and last.lower in SUBJECTS - {"i"} and before not in _BEFORE_LAST_SUBJECT):
        yield Hit("open_end", last.start, sentence[-1].end)


def preposition(sentence: Sentence) -> Iterator[Hit]:
    """A preposition before what it cannot have: "to of", "into is", or nothing at all ("the end of.")."""
    for place, (one, two) in enumerate(pairwise(sentence)):
        if one.lower not in PREPOSITIONS:
            continue
        wrong = one.lower in _NEVER_BEFORE_OF and two.lower == "of"
        wrong |= one.lower == "of" and two.lower in ("to", "with", "for", "into")
        if not wrong and place and one.lower != "to":
            finite = two.lower in BE_FINITE or two.lower == "has" or two.lower in PAST_ONLY
            wrong = finite and sentence[-1].text != "?" and not ends_relative_clause(sentence, place)
        if not wrong and place and place + 2 == len(sentence) and two.text in (".", "!"):
            wrong = one.lower in _NEVER_LAST_BEHIND_NOUN and sentence[place - 1].tag == "NN" and not _may_be_stranded(sentence)
        if wrong:
            yield Hit("preposition", one.start, two.end)


def _may_be_stranded(sentence: Sentence) -> bool:
    """True where a preposition may come last: "what I paid for.", "a chair to sit on.", "a man I have heard of."."""
    place = len(sentence) - 2
    return any(word.lower in _STRANDING for word in sentence) or ends_relative_clause(sentence, place)
