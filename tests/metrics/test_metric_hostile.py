"""No text, however hostile, makes a metric or the labeller of failures raise, or take more than linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.metrics import resolve
from parallelbench.metrics.failures import LABELS, label
from parallelbench.metrics.grammar import check
from parallelbench.schema import Sample
from parallelbench.tasks import TASKS, load_task
from thinned import thinned

METRICS = ("grammar", "inclusion", "words_in_order", "rouge_1", "rouge_2", "rouge_l", "bleu", "one_minus_bleu")
SAMPLES = {(sample.law, *sorted(sample.facts)): sample for sample in (load_task(name).sample(0, 0) for name in TASKS.names())}
READ_BY = {name: next(s for s in SAMPLES.values() if s.facts.keys() >= set(resolve(name).needs)) for name in METRICS}
SIZE = 100_000
PATTERNS = {
    "one word": "a", "short words": "ab ", "a stem that recurses": "y", "surrogates": "\ud800", "controls": "\x00\x07\x1b[",
    "combining marks": "e\u0301\u0489\u20dd", "right to left": "\u202e\u05d0 ", "full stops": ".", "marks": "?!.\"'\u201d)",
    "white space": " \t\u2028", "line ends": "\n", "commas": ", ", "hyphens": "a-", "apostrophes": "a'", "digits": "1.",
    "abbreviations": "a.", "entities": "&quot;", "dashes after digits": "0-", "special tokens": "<|", "brackets": "[",
    "emoji": "\U0001f469\u200d", "longer when lowered": "\u0130", "sentences": "He went home. ", "one pronoun": "he ",
    "adverbs": "quickly ", "auxiliaries": "will is ", "articles": "the ", "nouns and to": "dog to ", "titles": "Dr. ",
}  # fmt: skip


@pytest.mark.parametrize("kind", thinned(PATTERNS, 3))
def test_time_is_linear_in_the_text(kind: str) -> None:
    """`SIZE` characters, and for the checker of grammar, which reads no more than 10,000, as many as it reads."""
    text = (PATTERNS[kind] * SIZE)[:SIZE]
    check("The libraries are loaded.")
    for name, sample in READ_BY.items():
        for part in (text, text[:9_990]):
            started = time.process_time()
            assert 0.0 <= resolve(name).function(sample, part) <= 1.0
            assert time.process_time() - started < 2.0, name
    for sample in SAMPLES.values():
        started = time.process_time()
        assert set(label(sample, text, right=False, full=True)) <= set(LABELS)
        assert time.process_time() - started < 2.0, sample.task


ODD = st.text(st.characters(exclude_categories=()), max_size=60)
PARTS = [*PATTERNS.values(), "Mr. ", "don't ", "\u2026", "\u201cWhy?\u201d "]
MIXED = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.one_of(ODD, MIXED), st.sampled_from(list(SAMPLES.values())), st.booleans(), st.booleans())
def test_any_text_has_a_score_and_reasons(text: str, sample: Sample, right: bool, full: bool) -> None:
    for name, read_by in READ_BY.items():
        assert 0.0 <= resolve(name).function(read_by, text) <= 1.0
    assert set(label(sample, text, right, full)) <= set(LABELS)
