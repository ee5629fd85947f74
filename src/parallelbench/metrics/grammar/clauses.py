"""Parts of sentences that several rules need: the start of a clause, a relative clause inside a subject, an amount."""

from __future__ import annotations

from parallelbench.metrics.grammar.lexicon import CONJUNCTIONS, DETERMINERS, MEASURES, NUMBERS, OPENERS, PREPOSITIONS, word_set
from parallelbench.metrics.grammar.words import Sentence, Word

_NOMINAL = word_set("what whatever all whoever everything anything something nothing how where who why whether")
_RELATIVE = word_set("i he she we they you it that who which")
_BEGIN_SUBJECT = DETERMINERS | {"her", "this", "these", "those"}
_HEADS = word_set("one ones those all everything nothing something anything everyone anyone best most least only little")
_REACH = 9
"""The beginning of a verb's clause is searched for among this many words before it."""
_BEFORE_NOUN = ("DT", "PRP$", "JJ", "JJS", "CD")
_BEFORE_CLAUSE = OPENERS | CONJUNCTIONS | word_set('that what how where why who then , ; : " “ ( — –')  # noqa: RUF001


def begins_clause(sentence: Sentence, place: int) -> bool:
    """True where a clause can begin with this word: at the start, or after a punctuation mark, "because" or "that"."""
    return not place or sentence[place - 1].lower in _BEFORE_CLAUSE


def ends_relative_clause(sentence: Sentence, place: int) -> bool:
    """True where the verb at `place` may end a clause inside the subject: "what he did | is", "the time we had | went"."""
    first = max(0, place - _REACH)
    for at in range(first, place):
        word = sentence[at]
        if word.lower in _NOMINAL and begins_clause(sentence, at):
            return True
        subject = word.lower in _RELATIVE or word.lower in _BEGIN_SUBJECT or (at and word.text.istitle() and word.tag == "NNP")
        if at and subject and _is_head(sentence, at - 1):
            return True
        if at >= 2 and word.lower == "to" and at == place - 1 and _is_head(sentence, at - 1):
            return True  # "the best thing to do | is"
    return False


def _is_head(sentence: Sentence, place: int) -> bool:
    """True for a noun that a relative clause can follow. After the noun of "in the morning" a main clause begins instead."""
    if sentence[place].lower in _HEADS:
        return True
    if not sentence[place].is_noun_like or not sentence[place].text.islower():
        return False
    if sentence[0].lower not in PREPOSITIONS - {"of"} or place > _REACH:
        return True
    return not all(word.is_noun_like or word.tag in _BEFORE_NOUN for word in sentence[1:place])


def is_measure(words: Sentence, noun: Word) -> bool:
    """True for an amount that is counted as one: "ten dollars", "the last two weeks"; `words` are those before the noun."""
    counted = any(word.lower in NUMBERS or word.tag == "CD" or word.text[:1].isdigit() for word in words)
    return counted and noun.lower in MEASURES
