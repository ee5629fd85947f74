"""Why a generated text failed: named reasons, possibly several, by fixed rules (compare the paper, Appendix H).

`label` depends on the sample and on the text, never on the model. A text can have reasons even where its headline score is
1: a grammatical sentence may lack a required word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parallelbench.metrics import failures_answers, failures_code, failures_lists, failures_puzzles, failures_texts
from parallelbench.schema import Sample

VERSION = 3
LABELS = {
    "empty": "nothing was written",
    "cut_off": "the canvas was full before the text was complete",
    "special_token": "the text contains a mask token or another special token",
    "format_broken": "not in the required format",
    "names_swapped": "first and last names of two people were exchanged",
    "item_duplicated": "an item occurs too often",
    "item_lost": "an item is missing",
    "item_kept": "an item that had to be removed is still there",
    "item_invented": "an item that is not in the prompt",
    "order_wrong": "the right items in a wrong order",
    "unchanged": "the list of the prompt, unchanged",
    "symbol_repeated": "a row, a column or a box holds a symbol twice",
    "given_changed": "a cell that the puzzle shows has another value",
    "repeated_word": "the same word twice in a row",
    "a_an": "a for an, or an for a",
    "agreement": "subject and verb, or determiner and noun, of different number",
    "missing_verb": "a sentence without a verb",
    "verb_form": "a verb or pronoun in a wrong form",
    "stray_word": "a word in an impossible position, or a sentence that stops in the middle",
    "spelling": "not an English word",
    "punctuation": "a mark or a capital is wrong",
    "grammar_other": "another rule of grammar is broken",
    "word_missing": "a required word is not in the text",
    "words_disordered": "the required words occur, in a wrong order",
    "copied_source": "the text is a copy of the source that it should rephrase",
    "answer_begun": "the answer was begun and is not complete",
    "answer_missing": "no answer in the required place",
    "wrong_answer": "an answer in the required place, and it is wrong",
    "no_code": "no code was found in the text",
    "code_broken": "the code is no Python",
    "code_raised": "the program raised an error, or ended by itself",
    "timed_out": "the program took too long",
    "tests_failed": "the program ran, and a test failed",
    "other": "wrong, for none of the reasons above",
}
"""Every reason, in the order in which reports list them."""

_SPECIAL = re.compile(r"<\|[^|<>]{1,40}\|>|\[(?:MASK|PAD|CLS|SEP|UNK)\]|</?(?:s|mask|pad|unk|bos|eos|end)>", re.IGNORECASE)
_SENTENCE_END = (".", "!", "?", '"', "”", "…")


def label(sample: Sample, text: str, right: bool, full: bool) -> tuple[str, ...]:
    """Return the reasons why a text failed, in the order of `LABELS`; none where it is right in every respect.

    Args:
        sample: the sample, with the prompt's facts.
        text: the generated text.
        right: whether the headline score is 1.
        full: whether the text filled the canvas to its end, or a server cut it off.
    """
    listed, written = "items" in sample.facts, not {"words", "references"}.isdisjoint(sample.facts)
    if right and not written:
        return ()
    found = set(_common(sample, text, full))
    if listed:
        found |= failures_lists.reasons(sample, text)
    elif "symbols" in sample.facts or "puzzle" in sample.facts:
        found |= failures_puzzles.reasons(sample, text)
    elif "tests" in sample.facts:
        found |= failures_code.reasons(sample, text)
    elif "answers" in sample.facts:
        found |= failures_answers.reasons(sample, text)
    else:
        found |= failures_texts.reasons(sample, text, grammatical=right)
        if not full and text.strip() and not _ended(text):
            found.add("punctuation")
    if not found and not right:
        found.add("other")
    return tuple(name for name in LABELS if name in found)


def is_full(canvas_tokens: int, content_tokens: int | None, flags: Sequence[str]) -> bool:
    """True where a text could not continue: there is no end token on the canvas, or a server flagged it as "truncated"."""
    return "truncated" in flags or (content_tokens is not None and 0 < canvas_tokens <= content_tokens)


def _ended(text: str) -> bool:
    return text.rstrip().endswith(_SENTENCE_END)


def _common(sample: Sample, text: str, full: bool) -> set[str]:
    found = set()
    if not text.strip():
        found.add("empty")
    if _SPECIAL.search(text):
        found.add("special_token")
    if full and sample.frame is None and not _ended(text):
        found.add("cut_off")
    if full and "items" in sample.facts and "]" not in text:
        found.add("cut_off")
    return found
