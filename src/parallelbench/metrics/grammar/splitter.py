"""Where a sentence ends: at a line end, and at a full stop, a question mark or an exclamation mark that is not inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from parallelbench.metrics.grammar.abbreviations import STARTERS, TITLES, before_stop, is_abbreviation
from parallelbench.metrics.grammar.dictionary import is_known

_MARK = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]]*(?=\s|$)|\n")  # noqa: RUF001
_NEXT = re.compile(r"\s*([\"'“‘«(\[]*)([^\W_]+(?:['’][^\W_]+)?)")  # noqa: RUF001
_SHORT = 5
"""Letters of an abbreviation that is not listed."""
_NEAR = 40
"""Characters behind a mark that are looked at for the next word."""


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of every sentence, in characters; together they cover the text."""
    start = 0
    for found in _MARK.finditer(text):
        if found.group() == "\n" or _ends(text, found, start):
            yield start, found.end()
            start = found.end()
    if start < len(text):
        yield start, len(text)


def _ends(text: str, mark: re.Match[str], start: int) -> bool:
    """True where a sentence ends with this mark and the quotes and brackets behind it."""
    follows = _NEXT.match(text, mark.end(), mark.end() + _NEAR)
    if follows is None:
        return True
    opening, word = follows.groups()
    signs = mark.group().rstrip("\"'”’»)]")  # noqa: RUF001
    closing = mark.group()[len(signs) :]
    small = word[0].islower()
    if signs == "." and is_abbreviation(text, mark.start()):
        return _begins_behind_abbreviation(before_stop(text, mark.start()), opening, word)
    if signs == "." and small and not closing and _is_unknown(before_stop(text, mark.start())):
        return False
    if small and (signs[-2:] == ".." or "…" in signs):
        return False
    if small and closing:
        return signs == "." and closing[-1] not in ")]"  # "Stop!" he cried; (why?) he left; but not: "I stop." he said
    if small and signs == "!":
        name = before_stop(text, mark.start())  # "Yahoo! is"
        return not name[:1].isupper() or text[start : mark.start()].strip() == name
    return True


def _is_unknown(word: str) -> bool:
    """True for a short word in small letters that is in no dictionary: an abbreviation that is not listed."""
    return 0 < len(word) <= _SHORT and word.isalpha() and word.islower() and not is_known(word)


def _begins_behind_abbreviation(before: str, opening: str, word: str) -> bool:
    """True where the word behind an abbreviation begins a new sentence: "at 5 p.m. The", not "at 5 p.m. on" or "Dr. Singh"."""
    if not word[0].isupper() or before.lower() in TITLES - {"st", "ste", "ft", "sr"}:
        return False
    return bool(opening) or word.lower().replace("’", "'") in STARTERS  # noqa: RUF001
