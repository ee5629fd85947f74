"""Reads numbers in ordinary text: signs, units, thousands separators, fractions, powers and other scripts' digits.

A number is exact (a `Decimal`, or a `Fraction` where it is written as one), so that 0.1 is 1/10 and 18.0 is 18, and an answer
of thousands of digits is compared digit by digit. Reading takes time linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

Value = Decimal | Fraction
MAX_FRACTION = 200
"""Digits of a part of a fraction; a longer one is read as two numbers."""
MAX_POWER = 400
SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}

_SEPARATORS = str.maketrans({"٬": ",", "٫": ".", "，": ",", "．": ".", "−": "-", "–": "-", "＄": "$", "⁄": "/"})  # noqa: RUF001
_LATEX = (
    (re.compile(r"(?<=\d)\s?(?=\\[dt]?frac)"), " "),  # a mixed number
    (re.compile(r"\{,\}|\\,(?=\d{3})"), ","),
    (re.compile(r"\\[!;:]|\\ "), ""),
    (re.compile(r"\\[dt]?frac\s*(?:\{(-?\d{1,200})\}|(\d))\s*(?:\{(\d{1,200})\}|(\d))"), r"\1\2/\3\4"),
    (re.compile(r"\\(?:times|cdot)\s{0,3}10\s?\^"), "e^"),
    (re.compile(r"\\[$%]"), lambda found: found[0][1]),
)
_SUPERSCRIPT = re.compile(r"(?<=[\d)])⁻?[⁰¹²³⁴-⁹]+")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_DIGITS = r"(?:\d{1,3}(?:[,'’ \u00a0\u202f\u2009]\d{3})+(?![\d])|\d+)"  # noqa: RUF001
_NUMBER = re.compile(
    rf"""(?=[-+\d.$€£¥₹\u00bc-\u00be\u2150-\u215e])(?<![A-Za-z_\\^\d])
    (?P<sign>(?<![\w)\]}}])[-+](?=[\d.$€£¥₹\u00bc-\u00be\u2150-\u215e]))?(?:[$€£¥₹]\ ?)?
    (?P<inner>(?<![\w)\]}}])[-+](?=[\d.\u00bc-\u00be\u2150-\u215e]))?
    (?:
        (?P<mixed>\d{{1,9}})[ \-](?P<over>\d{{1,9}})/(?P<under>\d{{1,9}})(?![\d/])
      | (?P<top>\d{{1,{MAX_FRACTION}}})\ ?/\ ?(?P<bottom>\d{{1,{MAX_FRACTION}}})(?![\d/])
      | (?P<vulgar_whole>\d{{0,9}})(?P<vulgar>[\u00bc-\u00be\u2150-\u215e])
      | (?P<base>\d{{1,9}}(?:\.\d{{1,9}})?)\^(?:\{{(?P<raised>-?\d{{1,3}})\}}|(?P<bare>-?\d{{1,3}})(?!\.?\d))
      | (?P<whole>{_DIGITS})?(?P<decimals>(?:(?<=\d)|(?<![\d.]))\.\d+)?
        (?:(?:[eE](?P<exponent>[-+]?\d{{1,4}})|\s?(?:e\^|[x*\u00d7]\s?10\s?\^)\s?\{{?(?P<power>-?\d{{1,4}})\}}?))?
        (?:\s(?P<scale>hundred|thousand|million|billion|trillion)\b)?
    )
    """,
    re.VERBOSE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text, and where it is."""

    value: Value
    start: int
    end: int


def numbers(text: str) -> Iterator[Number]:
    """Yield the numbers of a text in their order; places count in the text after LaTeX marks and digits are made plain."""
    return _numbers(plain(text))


def first_number(text: str) -> Value | None:
    """The first number of a text, or None."""
    return next((number.value for number in numbers(text)), None)


def last_number(text: str) -> Value | None:
    """The last number of a text, or None."""
    last = None
    for number in numbers(text):
        last = number.value
    return last


def equal(one: Value, other: Value) -> bool:
    """Whether two numbers have the same value."""
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one == other
    return _fraction(one) == _fraction(other)


def plain(text: str) -> str:
    """Write a text with ASCII digits and separators, and LaTeX's marks for fractions and spaces in numbers as plain text."""
    text = text.translate(_SEPARATORS)
    if not text.isascii():
        text = _SUPERSCRIPT.sub(lambda found: "^" + found[0].translate(_RAISED), text)
        text = "".join(str(unicodedata.decimal(one)) if not one.isascii() and one.isdecimal() else one for one in text)
    if "\\" in text or "{,}" in text:
        for pattern, replacement in _LATEX:
            text = pattern.sub(replacement, text)
    return text


def _numbers(text: str) -> Iterator[Number]:
    for found in _NUMBER.finditer(text):
        value = _value(found)
        if value is not None:
            negative = (found["sign"] == "-") != (found["inner"] == "-")
            yield Number(-value if negative and value else value, found.start(), found.end())


def _value(found: re.Match[str]) -> Value | None:
    if found["mixed"] is not None:
        return _divided(int(found["over"]), int(found["under"]), int(found["mixed"]))
    if found["top"] is not None:
        return _divided(int(found["top"]), int(found["bottom"]))
    if found["vulgar"] is not None:
        part = Fraction(unicodedata.numeric(found["vulgar"])).limit_denominator(10)
        return part + int(found["vulgar_whole"] or 0)
    if found["base"] is not None:
        return _raised(found["base"], int(found["raised"] or found["bare"]))
    if found["whole"] is None and found["decimals"] is None:
        return None
    whole = re.sub(r"\D", "", found["whole"] or "0")
    power = int(found["exponent"] or found["power"] or 0) + SCALES.get(found["scale"] or "", 0)
    if abs(power) > MAX_POWER:
        return None
    sign, digits, exponent = Decimal(whole + (found["decimals"] or "")).as_tuple()
    assert isinstance(exponent, int)  # only NaN and infinity have another
    return Decimal((sign, digits, exponent + power))


def _raised(base: str, power: int) -> Fraction | None:
    """The power of a number; None where it has too many digits, or is 0 to a negative power."""
    if len(base) * abs(power) > MAX_POWER or (power < 0 and not Fraction(base)):
        return None
    return Fraction(base) ** power


def _divided(top: int, bottom: int, whole: int = 0) -> Fraction | None:
    return Fraction(top, bottom) + whole if bottom else None


def _fraction(value: Value) -> Fraction | None:
    """The value as a fraction; None where it has too many digits to be one that somebody divided out."""
    if isinstance(value, Fraction):
        return value
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    return Fraction(value) if len(digits) + abs(exponent) <= 2 * MAX_POWER else None
