"""Why an answer failed: named reasons, several for one answer, always the same for the same text (paper, Appendix H).

`label` looks at what was asked (the sample's facts) and at what came out, never at the model. A text can have reasons even
where its headline score is 1: grammatical, but without a word that was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parallelbench.metrics import failures_lists, failures_puzzles, failures_texts
from parallelbench.schema import Sample

VERSION = 2
LABELS = {
    "empty": "nothing was written",
    "cut_off": "the canvas ended before the answer did",
    "special_token": "a mask or another special token was left",
    "format_broken": "not in the form that was asked for",
    "names_swapped": "first and last names of two people were exchanged",
    "item_duplicated": "an item stands there more often than it may",
    "item_lost": "an item is missing",
    "item_kept": "an item is still there that had to go",
    "item_invented": "an item that was never given",
    "order_wrong": "the right items in a wrong order",
    "unchanged": "the list as it was given",
    "symbol_repeated": "a row, a column or a box holds a symbol twice",
    "given_changed": "a cell that was given has another value",
    "repeated_word": "the same word twice in a row",
    "a_an": "a for an, or an for a",
    "agreement": "subject and verb, or determiner and noun, of different number",
    "missing_verb": "a sentence without its verb",
    "verb_form": "a verb or pronoun in a wrong form",
    "stray_word": "a word where it cannot stand, or a sentence that stops in the middle",
    "spelling": "no English word",
    "punctuation": "a mark or a capital is wrong",
    "grammar_other": "another rule of grammar is broken",
    "word_missing": "a word that was asked for is not in the text",
    "words_disordered": "the words are there, in a wrong order",
    "copied_source": "the text is a copy of what was to be put in other words",
    "other": "wrong for no reason that is known here",
}
"""Every reason, in the order in which reports list them."""

_SPECIAL = re.compile(r"<\|[^|<>]{1,40}\|>|\[(?:MASK|PAD|CLS|SEP|UNK)\]|</?(?:s|mask|pad|unk|bos|eos|end)>", re.IGNORECASE)
_SENTENCE_END = (".", "!", "?", '"', "”", "…")


def label(sample: Sample, text: str, right: bool, full: bool) -> tuple[str, ...]:
    """Return the reasons why an answer failed, in the order of `LABELS`; none where it is right in every respect.

    Args:
        sample: what was asked.
        text: what was answered.
        right: whether the headline score is 1.
        full: whether the text filled the canvas to its end, or was cut off by whoever wrote it.
    """
    listed, written = "items" in sample.facts, not {"words", "references"}.isdisjoint(sample.facts)
    if right and not written:
        return ()
    found = set(_common(sample, text, full))
    if listed:
        found |= failures_lists.reasons(sample, text)
    elif "symbols" in sample.facts or "puzzle" in sample.facts:
        found |= failures_puzzles.reasons(sample, text)
    else:
        found |= failures_texts.reasons(sample, text, grammatical=right)
        if not full and text.strip() and not _ended(text):
            found.add("punctuation")
    if not found and not right:
        found.add("other")
    return tuple(name for name in LABELS if name in found)


def is_full(canvas_tokens: int, content_tokens: int | None, flags: Sequence[str]) -> bool:
    """True where an answer had no room to go on: no end token on the canvas, or "truncated" by a server."""
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
