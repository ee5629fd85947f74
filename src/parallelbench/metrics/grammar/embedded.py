"""The embedded grammar checker: the rules of this package, and those of Harper's rules that are about grammar.

It downloads nothing and takes about 1 ms for a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from parallelbench.metrics.extra import CHECKER, require
from parallelbench.metrics.grammar import agreement, harper, surface, verbless, verbs
from parallelbench.metrics.grammar.hit import Hit
from parallelbench.metrics.grammar.words import Sentence, sentences

RULES_VERSION = 3
LONGEST_TEXT, LONGEST_WORD = 10_000, 45
"""Characters. A longer text or word is flagged without being read; no task has such an answer."""

RULES: tuple[Callable[[Sentence], Iterator[Hit]], ...] = (
    surface.repeated_word, surface.a_an, surface.lower_case_start,
    agreement.pronoun, agreement.noun_phrase, agreement.names, agreement.there_is, agreement.number,
    verbs.verb_form, verbs.participle, verbless.missing_verb, verbs.pronoun_case, verbs.determiner, verbs.open_end,
    verbs.preposition,
)  # fmt: skip
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\ufffd\U000e0000-\U0010ffff]")
"""Characters that no English text contains: controls, surrogates, private ones, and the replacement character."""


@lru_cache(1 << 14)
def check(text: str) -> tuple[Hit, ...]:
    """Return every broken rule of a text, by place; each rule and span once, in time that is linear in the text.

    Raises:
        MissingExtra: the libraries of the checker are not installed; nothing else is raised, whatever the text.
    """
    require("checking grammar", CHECKER)
    if len(text) > LONGEST_TEXT:
        return (Hit("too_long", LONGEST_TEXT, len(text)),)
    found = {Hit("strange_character", *one.span()) for one in _STRANGE.finditer(text)}
    found |= {Hit("no_word", *word.span()) for word in _LONG_WORD.finditer(text)}
    if not found:
        found.update(surface.punctuation(text), harper.hits(text))
        for sentence in sentences(text):
            found.update(*(rule(sentence) for rule in RULES))
    return tuple(sorted(found, key=lambda hit: (hit.start, hit.end, hit.rule)))


def version() -> str:
    """Return what checks, and in which version.

    Raises:
        MissingExtra: the libraries of the checker are not installed.
    """
    require("checking grammar", CHECKER)
    return f"embedded rules {RULES_VERSION}, harper-py {harper.version()}"
