"""Finds the answer in a text: all of it, its last line, after a marker, by a pattern, a number, a choice, in JSON or in a box.

Every way takes time linear in the text. Patterns are those of RE2, which never backtracks; it has no references to earlier
groups and no conditions on what surrounds a match.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from parallelbench.errors import UserError
from parallelbench.metrics.mathematics import boxed
from parallelbench.metrics.numbers import numbers, plain

Way = Literal["whole", "last_line", "after", "pattern", "number", "choice", "json", "boxed"]
WAYS: tuple[Way, ...] = get_args(Way)
ARGUMENTS = {"after": "the marker", "pattern": "a regular expression", "json": "the name of the field"}
"""The ways that need an argument, and what it is."""
LONGEST_PATTERN = 1000
JSON_STARTS = 8
"""How many opening braces are tried as the beginning of a JSON object."""
JSON_TEXT = 1 << 16
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ARTICLE = re.compile(r"\b[AI](?= [a-z])")
LETTER = r"(?:^|[^0-9A-Za-z_'])[(\[{*_\"'`$]{0,4}([A-Z])[)\]}*_\"'`$>.:,;!]{0,4}(?:\s|</|$)"
SAID = r"(?i:answer|choice|option)(?:\s(?i:is|would be|should be))?\s?:?\s{0,3}[(\[{*_\"'`$]{0,4}([A-Z])(?:[^0-9A-Za-z_']|$)"
_NO_WIDTH = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
_ASCII = {
    **{0xFF01 + place: 0x21 + place for place in range(94)},  # full width
    **dict.fromkeys(map(ord, "“”«»„"), '"'),
    0x2018: '"',
    0x2019: "'",
    ord("。"): ".",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read an answer, with its argument (None where it needs none)."""

    way: Way = "whole"
    argument: str | None = None

    def read(self, text: str) -> str | None:
        """The answer as text; None where the text does not have it in this place."""
        found = _READ[self.way](text, self.argument or "")
        return None if found is None else found.strip()

    def write(self) -> str:
        """How an answer is written for this way, as a template with the field `{answer}`."""
        if self.way == "after":
            return f"{_braces(self.argument or '')} {{answer}}"
        if self.way == "json":
            inner = "{answer}"
            for key in reversed((self.argument or "").split(".")):
                inner = (
                    f"{{{{{json.dumps(key)}: {inner}}}}}" if inner != "{answer}" else f'{{{{{json.dumps(key)}: "{inner}"}}}}'
                )
            return inner
        return "\\boxed{{{answer}}}" if self.way == "boxed" else "{answer}"


def make_reader(spec: Any, label: str) -> Reader:
    """Make a reader from what a file says: `whole`, or a mapping of one key such as `after: "####"`, also as one text.

    Raises:
        UserError: it is none of the ways, or a pattern cannot be used; the message begins with `label`.
    """
    way, argument = next(iter(spec.items())) if isinstance(spec, dict) and len(spec) == 1 else (spec, None)
    if isinstance(way, str) and ": " in way:
        way, _, argument = way.partition(": ")
    if not isinstance(way, str) or way not in WAYS:
        shown = ", ".join(f"{one}: ..." if one in ARGUMENTS else one for one in WAYS)
        raise UserError(f"{label} has read: {spec!r:.80}, which is no way to read an answer; write one of {shown}.")
    if (way in ARGUMENTS) != (isinstance(argument, str) and argument.strip() != ""):
        if way in ARGUMENTS:
            raise UserError(f'{label} has read: {way} without {ARGUMENTS[way]}; write read: {{{way}: "..."}}.')
        raise UserError(f"{label} has read: {spec!r:.80}, but {way} needs nothing more; write read: {way}.")
    if way == "pattern":
        _compiled(argument, label)
    return Reader(way, argument)


@lru_cache(256)
def _compiled(pattern: str, label: str = "") -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        if len(pattern) > LONGEST_PATTERN:
            raise UserError(f"{label} has a pattern of {len(pattern)} characters; write at most {LONGEST_PATTERN}.")
        made = re2.compile(pattern.encode(), options)  # on bytes, because on text every match counts its place anew
    except re2.error as error:
        said = error.args[0] if error.args else error
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise UserError(
            f"{label} has the pattern {pattern!r:.80}, which cannot be used ({reason}); write one that RE2 knows, which has no "
            "lookahead, lookbehind or backreference."
        ) from error
    if made.groups > 1:
        raise UserError(
            f"{label} has the pattern {pattern!r:.80} with {made.groups} groups; mark the answer by one, others (?:...)."
        )
    return made


def last_match(pattern: str, text: str) -> str | None:
    """The first group of the last match of a pattern of RE2, or the match itself where it has no group."""
    made = _compiled(pattern)
    found = None
    for found in made.finditer(text.encode("utf-8", "replace")):  # noqa: B007 - the last one is the answer
        pass
    value = None if found is None else found.group(1 if made.groups else 0)
    return None if value is None else value.decode("utf-8", "replace")


def choice(text: str) -> str | None:
    """The letter that a text chooses: the last after the word answer, choice or option, else the last that is a word alone.

    The article A before a word in lower case is no choice.
    """
    text = visible(text).translate(_ASCII)
    return last_match(SAID, text) or last_match(rf"(?m){LETTER}", _without_articles(text))


def visible(text: str) -> str:
    """A text without characters of no width, and with every accented letter written as one character where there is one."""
    return text if text.isascii() else unicodedata.normalize("NFC", text.translate(_NO_WIDTH))


def last_line(text: str) -> str | None:
    """The last line that is not blank."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), None)


def _without_articles(text: str) -> str:
    return _ARTICLE.sub("-", text)


def _after(text: str, marker: str) -> str | None:
    _, found, rest = text.rpartition(marker)
    return (rest.strip().splitlines() or [""])[0] if found else None


def _number(text: str, _: str) -> str | None:
    last = None
    for last in numbers(text):  # noqa: B007 - the last one is the answer
        pass
    return None if last is None else plain(text)[last.start : last.end]


def _json(text: str, field: str) -> str | None:
    for value in _objects(text[:JSON_TEXT]):
        for key in field.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, (str, int, float)):
            return value if isinstance(value, str) else json.dumps(value)
    return None


def _objects(text: str) -> Iterator[Any]:
    """Yield the JSON objects of a text, the first braces only, so that a text of braces costs no more than another."""
    decoder, at = json.JSONDecoder(parse_int=str, parse_float=str), 0
    for _ in range(JSON_STARTS):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, at = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            at += 1


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


_READ: dict[Way, Callable[[str, str], str | None]] = {
    "whole": lambda text, _: text if text.strip() else None,
    "last_line": lambda text, _: last_line(text),
    "after": _after,
    "pattern": lambda text, pattern: last_match(pattern, text),
    "number": _number,
    "choice": lambda text, _: choice(text),
    "json": _json,
    "boxed": lambda text, _: boxed(text),
}
