"""Harper (harper-py), narrowed to what is grammar: no advice on style, no idioms, and no spelling of names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from parallelbench.metrics.grammar.abbreviations import ANYWHERE
from parallelbench.metrics.grammar.dictionary import readings
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.lexicon import word_set
from parallelbench.metrics.grammar.splitter import sentence_spans

if TYPE_CHECKING:
    from harper import Linter

RULES = word_set(
    """
    SpellCheck CapitalizePersonalPronouns TransposedSpace UnclosedQuotes WrongApostrophe CorrectNumberSuffix
    IAmAgreement ThereIsAgreement WentAheadAndAgreement OneOfTheSingular HeDos CriteriaPhenomena AnotherThings SingleBe
    ToTo InflectedVerbAfterTo IsBeenAuxSequence HelpedPast ModalOf ModalSeem NotBeAfterNot ProgressiveNeedsBe
    RegularIrregulars WantBe SupposedTo LetToDo DontCan NorModalPronoun CompoundSubjectI SubjectPronoun
    SubjectAndObjectPronoun TheyToThem WhomSubjectOfVerb HavePronoun PossessiveYour ThatThis ThereToTheir TheirToThere
    TheirToTheyre TheyreToTheir ItsContraction ItsPossessive YourPredicateAdjective WereWhere DoesOrDose ThenThan TooTo
    NounVerbConfusion EachOthersPossessive AdjectiveDoubleDegree MoreBetter WorseOrWorst TheAnother AnAnother AnotherAn
    SomeWithoutArticle HaveNegNoAny
    """
)
"""Harper's rules that count.

Repeated words, a and an, capitals at the start of a sentence, and the forms behind an auxiliary are left to this package's
rules, which err less on correct sentences; 850 rules about idioms and style are not used.
"""
PIECE = 2000
"""Characters that Harper reads at a time, at most."""
_INITIAL = re.compile(r"[A-Z]\.\s")


def hits(text: str) -> list[Hit]:
    """Return Harper's findings as `harper_<kind>`. Harper's time grows with the square of a text, so it reads it in pieces."""
    return [
        Hit(f"harper_{_snake(lint.lint_kind)}", start + lint.span.start, start + lint.span.end)
        for start, end in _pieces(text)
        for lint in _linter().lint(text[start:end], language="plaintext")
        if _counts(lint.lint_kind, lint.problem_text, text[max(0, start + lint.span.start - 3) : start + lint.span.start])
    ]


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of pieces that end with a sentence, and after `PIECE` characters where it is too long."""
    start, last = 0, 0
    for _, end in [(0, len(text))] if len(text) <= PIECE else sentence_spans(text):
        if end - start > PIECE and last > start:
            yield start, last
            start = last
        while end - start > PIECE:
            yield start, start + PIECE
            start += PIECE
        last = end
    if start < len(text):
        yield start, len(text)


def _counts(kind: str, word: str, before: str) -> bool:
    """True where a finding of Harper counts.

    A misspelling does where the word has small letters only, is no abbreviation and
    no species ("E. coli"), and is unknown to the dictionary too; a
    missing capital where the letter is small; an unclosed quotation mark where it is no sign for inches.
    """
    if kind == "Spelling":
        return word.isalpha() and word.islower() and not (word in ANYWHERE or _INITIAL.match(before) or readings(word))
    if kind == "Formatting" and before[-1:].isdigit():
        return False
    return kind != "Capitalization" or word[:1].islower()


def version() -> str:
    """The version of harper-py."""
    from importlib import metadata

    return metadata.version("harper-py")


@cache
def _linter() -> Linter:
    from harper import Linter

    linter = Linter()
    linter.set_lint_config({name: name in RULES for name in linter.get_lint_config()})
    return linter


def _snake(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
