"""Answers with known verdicts, lenient and strict; and what holds for every text."""

from __future__ import annotations

import time
from typing import Any

import awkward_answers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.metrics.failures import label
from parallelbench.metrics.mathematics import boxed
from parallelbench.metrics.reading import WAYS, Reader, make_reader
from parallelbench.schema import Sample

CHOICES = ["red", "green", "blue", "an apple"]
COMPARISONS = ["exact", "text", "contains", "number", "choice", "math"]
HOSTILE = ["{" * 20_000, "9" * 50_000, "\\boxed{" * 5_000, "1," * 3_000, "A " * 9_000, "\ud800", "\x00" * 99]


def sample(answer: str, way: str = "whole", argument: str | None = None) -> Sample:
    facts: dict[str, Any] = {"answers": [answer], "read": [way, argument], "choices": CHOICES}
    return Sample("t", 1, 0, 0, (), answer, facts)


def verdicts(metric: str, one: Sample, text: str) -> tuple[float, float]:
    lenient, strict = score(one, text, (metric, f"{metric}_strict")).values()
    return lenient, strict


CASES = [
    ("answer_number", "after", "####", awkward_answers.NUMBER),
    ("answer_choice", "choice", None, awkward_answers.CHOICE),
    ("answer_text", "whole", None, awkward_answers.TEXT),
]


def test_two_hundred_awkward_answers_have_the_right_verdicts() -> None:
    assert sum(len(cases) for *_, cases in CASES) + len(awkward_answers.MATH) >= 200
    for metric, way, argument, cases in CASES:
        for right, text, lenient, strict in cases:
            found = verdicts(metric, sample(right, way, argument), text)
            assert found == (lenient, strict), (metric, right[:60], text[:60])


@pytest.mark.slow  # symbolic algebra is imported
def test_awkward_formulas_have_the_right_verdicts() -> None:
    for right, text, lenient, strict in awkward_answers.MATH:
        assert verdicts("answer_math", sample(right, "boxed"), text) == (lenient, strict), (right, text)
    begun = time.monotonic()
    assert verdicts("answer_math", sample("5", "boxed"), "\\boxed{9^{9^{9^{9}}}}") == (0, 0)
    assert time.monotonic() - begun < 60


def test_formulas_that_are_equal_as_they_stand_need_no_algebra() -> None:
    for right, text in (("9", "\\boxed{9.0}"), ("\\frac{1}{2}", "so $\\boxed{\\dfrac12}$"), ("\\text{even}", "\\boxed{even}")):
        assert verdicts("answer_math", sample(right, "boxed"), text) == (1, 1)
    assert boxed("\\boxed{a{b}c} \\boxed{d") is None
    assert boxed("\\boxed{a{b}c}") == "a{b}c"


@pytest.mark.parametrize(
    ("way", "argument", "text", "found"),
    [
        ("whole", None, " a b ", "a b"),
        ("last_line", None, "a\nb\n\n", "b"),
        ("after", "Answer:", "Answer: x\nAnswer:  y \nz", "y"),
        ("pattern", r"<(\w+)>", "<a> <b>", "b"),
        ("pattern", r"\d+", "1 22 c", "22"),
        ("pattern", r"(x)?y", "y", None),
        ("number", None, "1 and -2,000.50 eggs", "-2,000.50"),
        ("choice", None, "so (C)", "C"),
        ("json", "answer", 'text ```json\n{"answer": "x"}\n```', "x"),
        ("json", "a.b", '{"a": {"b": 1.50}}', "1.50"),
        ("json", "answer", '{"answer": null} {"answer": 3}', "3"),
        ("json", "answer", "{'answer': 3}", None),
        ("boxed", None, "\\boxed{1} \\boxed{2}", "2"),
        ("after", "Answer:", "none", None),
        ("whole", None, "  ", None),
    ],
)
def test_where_an_answer_is_read(way: Any, argument: str | None, text: str, found: str | None) -> None:
    assert Reader(way, argument).read(text) == found


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hole", "no way to read an answer; write one of whole"),
        ({"after": ""}, "read: after without the marker"),
        ("pattern", "read: pattern without a regular expression"),
        ({"whole": "x"}, "whole needs nothing more"),
        ({"pattern": "(a+)+("}, "cannot be used"),
        ({"pattern": r"(?<=a)b"}, "no lookahead"),
        ({"pattern": r"(a)\1"}, "no lookahead"),
        ({"pattern": "(a)(b)"}, "with 2 groups"),
        ({"pattern": "a" * 1001}, "1001 characters"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "cannot be used"),
        ({"after": "a", "json": "b"}, "no way to read an answer"),
        (None, "no way to read an answer"),
        (["after"], "no way to read an answer"),
    ],
)
def test_a_wrong_reader_is_one_sentence(spec: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make_reader(spec, "the task file")
    assert "\n" not in str(caught.value)


def test_a_pattern_that_backtracks_elsewhere_takes_no_time() -> None:
    reader = make_reader({"pattern": "(?:(?:a+)+)+$"}, "x")
    begun = time.monotonic()
    assert reader.read("a" * 100_000 + "b") is None
    assert time.monotonic() - begun < 2


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=80), st.sampled_from(WAYS))
@example("A\u00b2", "number")
@example("\u0e51\u0e52/\u0e50", "number")
def test_no_text_raises_and_strict_implies_lenient(text: str, way: Any) -> None:
    argument = {"after": "#", "pattern": r"\d+", "json": "a"}.get(way)
    for comparison in COMPARISONS[:-1]:
        lenient, strict = verdicts(f"answer_{comparison}", sample("A" if comparison == "choice" else "7", way, argument), text)
        assert strict <= lenient


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_take_little_time(text: str) -> None:
    begun = time.monotonic()
    for way in WAYS:
        argument = {"after": "#", "pattern": r"(\d+)", "json": "a"}.get(way)
        verdicts("answer_number", sample("7", way, argument), text)
    for comparison in COMPARISONS[:-1]:
        verdicts(f"answer_{comparison}", sample("7", "after", "none"), text)
    assert time.monotonic() - begun < 10


@settings(max_examples=30, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_every_decimal_is_read_back_in_each_form(value: Any) -> None:
    for text in (f"{value:f}", f"{value:,f}", f"${value:,f}", f"#### {value:f} eggs", f"{value:f}".replace("-", "\u2212")):
        assert verdicts("answer_number", sample(f"{value:f}"), text)[0] == 1, text


@pytest.mark.parametrize(
    ("text", "full", "labels"),
    [
        ("", False, ("empty",)),
        ("so we get", True, ("cut_off", "answer_missing")),
        ("so we get 5.", False, ("answer_missing",)),
        ("####", False, ("answer_begun",)),
        ("#### 5", False, ("wrong_answer",)),
        ("#### <|mask|>", False, ("special_token", "wrong_answer")),
    ],
)
def test_why_an_answer_is_wrong(text: str, full: bool, labels: tuple[str, ...]) -> None:
    assert label(sample("18", "after", "####"), text, right=False, full=full) == labels
    assert label(sample("18", "after", "####"), text, right=True, full=full) == ()
