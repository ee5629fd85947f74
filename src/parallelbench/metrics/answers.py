"""Whether the answer to a question with a known answer is right: by text, number, choice or mathematics.

The facts of such a sample are `answers` (all texts that are right), `read` (where the answer stands, `reading.Reader` as way
and argument) and, for multiple choice, `choices`. The strict metric reads the answer in that place only. The lenient one reads
it there too, and where there is nothing looks for it elsewhere: the last number, the last letter of a choice, the last box, the
last line. What the strict metric accepts, the lenient one accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from parallelbench.metrics.base import Metric
from parallelbench.metrics.mathematics import boxed, same_mathematics
from parallelbench.metrics.numbers import Value, equal, first_number, last_number, numbers
from parallelbench.metrics.reading import LETTERS, Reader, choice, last_line, visible
from parallelbench.schema import Sample

NEEDS = ("answers", "read")
EDGES = " \t\r\n*_`\"'“”‘’«»„.,;:!?()[]{}$。，；：！？"  # noqa: RUF001
_NO_WORD = re.compile(r"\W+")
Compare = Callable[[Sample, str, bool], bool]
"""(sample, what was read, strictly) -> whether it is right."""
Elsewhere = Callable[[str], str | None]


def reader_of(sample: Sample) -> Reader:
    """The way in which the answer of a sample is read."""
    return Reader(*sample.facts["read"])


def folded(text: str) -> str:
    """A text without what does not change a short answer: case, white space, marks and quotation marks at its edges.

    A point before a digit belongs to a number, and an answer of marks alone keeps them.
    """
    text = visible(text).casefold()
    kept = text.strip(EDGES)
    before = text[: text.index(kept)]
    if kept[:1].isdecimal() and before.endswith(".") and not before.endswith(".."):
        kept = "." + kept
    return " ".join((kept or text).split())


def label_of(sample: Sample, text: str) -> str | None:
    """The letter of the choice that a text names: the letter itself, or the text of the choice."""
    choices = sample.facts["choices"]
    letter = text.strip(EDGES) if len(text.strip(EDGES)) == 1 else choice(text)
    if letter is not None and letter in LETTERS[: len(choices)]:
        return letter
    said = [LETTERS[place] for place, one in enumerate(choices) if folded(one) == folded(text)]
    return said[0] if len(said) == 1 else None


def _exact(sample: Sample, part: str, strict: bool) -> bool:
    return part in sample.facts["answers"]


def _text(sample: Sample, part: str, strict: bool) -> bool:
    return folded(part) in {folded(answer) for answer in sample.facts["answers"]}


def _contains(sample: Sample, part: str, strict: bool) -> bool:
    said = _words(part)
    return any(_words(answer) in said for answer in sample.facts["answers"])


def _words(text: str) -> str:
    """The words of a text with single spaces between and around them."""
    return f" {_NO_WORD.sub(' ', visible(text).casefold()).strip()} "


def _number(sample: Sample, part: str, strict: bool) -> bool:
    found = list(numbers(part))
    if not found or (strict and len(found) > 1):
        return False
    right = (first_number(answer) for answer in sample.facts["answers"])
    return any(one is not None and equal(found[0].value, one) for one in right)


def _choice(sample: Sample, part: str, strict: bool) -> bool:
    return label_of(sample, part) in sample.facts["answers"]


def _math(sample: Sample, part: str, strict: bool) -> bool:
    return any(same_mathematics(answer, part) for answer in sample.facts["answers"])


def _last_number(text: str) -> str | None:
    value: Value | None = last_number(text)
    return f"{value:f}" if isinstance(value, Decimal) else None if value is None else str(value)


def _judge(compare: Compare, elsewhere: Elsewhere, strict: bool) -> Callable[[Sample, str], float]:
    def function(sample: Sample, text: str) -> float:
        part = reader_of(sample).read(text)
        if part is None and not strict:
            part = elsewhere(text)
        return float(part is not None and compare(sample, part.strip(), strict))

    return function


def _metrics(name: str, compare: Compare, elsewhere: Elsewhere, needs: tuple[str, ...] = NEEDS) -> tuple[Metric, Metric]:
    chance = (lambda sample: len(sample.facts["answers"]) / len(sample.facts["choices"])) if "choices" in needs else None
    libraries = ("math_verify",) if name == "answer_math" else ()
    return (
        Metric(name, _judge(compare, elsewhere, strict=False), chance, needs=needs, libraries=libraries),
        Metric(f"{name}_strict", _judge(compare, elsewhere, strict=True), chance, needs=needs, libraries=libraries),
    )


ANSWER_EXACT, ANSWER_EXACT_STRICT = _metrics("answer_exact", _exact, last_line)
ANSWER_TEXT, ANSWER_TEXT_STRICT = _metrics("answer_text", _text, last_line)
ANSWER_CONTAINS, ANSWER_CONTAINS_STRICT = _metrics("answer_contains", _contains, lambda text: text)
ANSWER_NUMBER, ANSWER_NUMBER_STRICT = _metrics("answer_number", _number, _last_number)
ANSWER_CHOICE, ANSWER_CHOICE_STRICT = _metrics(
    "answer_choice", _choice, lambda text: choice(text) or last_line(text), (*NEEDS, "choices")
)
ANSWER_MATH, ANSWER_MATH_STRICT = _metrics("answer_math", _math, lambda text: boxed(text) or last_line(text))
