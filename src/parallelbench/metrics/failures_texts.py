"""Why a text is wrong: the rules of grammar that it breaks, required words that it lacks, a copied source."""

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
"""The reason for each rule of the embedded checker; any other rule means `grammar_other`."""
COPIED = 5
"""A text of at least so many words is a copy where all of them occur in the source, one after the other."""


def reasons(sample: Sample, text: str, grammatical: bool) -> set[str]:
    """Return the reasons why a text fails. `grammatical`: another checker passed it, so grammar is not looked at."""
    require("saying why a text failed", CHECKER)
    found = set() if grammatical else {LABEL_OF_RULE.get(hit.rule, "grammar_other") for hit in check(text)}
    required = list(sample.facts.get("words", ()))
    if missing_words(required, text):
        found.add("word_missing")
    elif sample.facts.get("kind") == "story" and not WORDS_IN_ORDER.function(sample, text):
        found.add("words_disordered")
    if _is_copy(text, str(sample.facts.get("source", ""))):
        found.add("copied_source")
    return found


def _is_copy(text: str, source: str) -> bool:
    """True for the source itself, or for a run of its words; case, endings and punctuation aside."""
    written, copied = words(text), words(source)
    if not written or not copied:
        return False
    run = f" {' '.join(written)} " in f" {' '.join(copied)} "
    return written == copied or (run and len(written) >= COPIED)
