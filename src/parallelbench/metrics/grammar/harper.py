"""Harper (harper-py), narrowed to what is grammar: no advice on style, no idioms, and no spelling of names."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.words import readings

if TYPE_CHECKING:
    from harper import Linter

RULES = frozenset(
    [
        "SpellCheck",
        "SentenceCapitalization",
        "CapitalizePersonalPronouns",
        "TransposedSpace",
        "UnclosedQuotes",
        "WrongApostrophe",
        "CorrectNumberSuffix",
        "PronounVerbAgreement",
        "PronounInflectionBe",
        "IAmAgreement",
        "ThereIsAgreement",
        "WentAheadAndAgreement",
        "OneOfTheSingular",
        "MassNouns",
        "HeDos",
        "QuantifierNumeralConflict",
        "CriteriaPhenomena",
        "AnotherThings",
        "SimplePastToPastParticiple",
        "WillNonLemma",
        "DidPast",
        "SingleBe",
        "ToTo",
        "InflectedVerbAfterTo",
        "IsBeenAuxSequence",
        "HelpedPast",
        "ModalOf",
        "ModalSeem",
        "NotBeAfterNot",
        "ProgressiveNeedsBe",
        "RegularIrregulars",
        "WantBe",
        "SupposedTo",
        "LetToDo",
        "DontCan",
        "NorModalPronoun",
        "CompoundSubjectI",
        "SubjectPronoun",
        "SubjectAndObjectPronoun",
        "TheyToThem",
        "WhomSubjectOfVerb",
        "HavePronoun",
        "PossessiveYour",
        "ThatThis",
        "ThereToTheir",
        "TheirToThere",
        "TheirToTheyre",
        "TheyreToTheir",
        "ItsContraction",
        "ItsPossessive",
        "YourPredicateAdjective",
        "WereWhere",
        "DoesOrDose",
        "ThenThan",
        "TooTo",
        "ToTwoToo",
        "NounVerbConfusion",
        "EachOthersPossessive",
        "AdjectiveDoubleDegree",
        "MoreBetter",
        "WorseOrWorst",
        "TheAnother",
        "AnAnother",
        "AnotherAn",
        "SomeWithoutArticle",
        "HaveNegNoAny",
    ]
)
"""Harper's rules that are asked. Repeats and a/an are left to our own, which err less, and 850 idioms to nobody."""


def hits(text: str) -> list[Hit]:
    """Return Harper's findings as `harper_<kind>`."""
    found = _linter().lint(text, language="plaintext")
    return [
        Hit(f"harper_{_snake(lint.lint_kind)}", lint.span.start, lint.span.end)
        for lint in found
        if _counts(lint.lint_kind, lint.problem_text)
    ]


def _counts(kind: str, word: str) -> bool:
    """Spelling: small letters that the dictionary does not know either, and no part of a compound. Capitals: a small letter."""
    if kind == "Spelling":
        return word.isalpha() and word.islower() and not readings(word)
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
