"""Why a sentence is wrong: the rules of grammar that it breaks, the words that it lacks, what it copies."""

from __future__ import annotations

from parallelbench.metrics.extra import CHECKER, require
from parallelbench.metrics.grammar import check
from parallelbench.metrics.inclusion import WORDS_IN_ORDER, missing_words
from parallelbench.metrics.rouge import words
from parallelbench.schema import Sample

LABEL_OF_RULE = {
    "repeated_word": "repeated_word",
    "a_an": "a_an",
    "agreement": "agreement",
    "number": "agreement",
    "missing_verb": "missing_verb",
    "verb_form": "verb_form",
    "pronoun_case": "verb_form",
    "determiner": "stray_word",
    "preposition": "stray_word",
    "open_end": "stray_word",
    "no_word": "spelling",
    "strange_character": "spelling",
    "harper_spelling": "spelling",
    "harper_typo": "spelling",
    "punctuation": "punctuation",
    "lower_case_start": "punctuation",
    "harper_punctuation": "punctuation",
    "harper_capitalization": "punctuation",
    "harper_agreement": "agreement",
}
"""The reason that each rule of the embedded checker stands for; any other rule is `grammar_other`."""
COPIED = 5
"""A summary is a copy where so many words or more, and nothing else, are taken from the chat as they stand there."""


def reasons(sample: Sample, text: str, grammatical: bool) -> set[str]:
    """Return the reasons why a text fails. `grammatical`: another checker passed it, so grammar is not looked at."""
    require("saying why a text failed", CHECKER)
    found = set() if grammatical else {LABEL_OF_RULE.get(hit.rule, "grammar_other") for hit in check(text)}
    asked = list(sample.facts.get("words", ()))
    if missing_words(asked, text):
        found.add("word_missing")
    elif sample.facts.get("kind") == "story" and not WORDS_IN_ORDER.function(sample, text):
        found.add("words_disordered")
    if _is_copy(text, str(sample.facts.get("source", ""))):
        found.add("copied_source")
    return found


def _is_copy(text: str, source: str) -> bool:
    """True for the source itself, or for a run of its words; case, endings and punctuation aside."""
    written, given = words(text), words(source)
    if not written or not given:
        return False
    run = f" {' '.join(written)} " in f" {' '.join(given)} "
    return written == given or (run and len(written) >= COPIED)
