"""Text from outside (file names, labels, answers, error messages) on its way to a terminal, an XML file or a table file.

A model's name or a server's message may hold escape sequences, which a terminal would obey, characters that reverse the
direction of writing, characters that XML does not allow, or a formula that a spreadsheet would run. Each
function here returns a text that its destination shows and does not interpret.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def for_terminal(text: str) -> str:
    """Return a text in which control, direction and invisible characters are written as escapes such as `\\x1b`.

    Line ends stay; a tabulator becomes a space.
    """
    return "".join(character if character == "\n" else _visible(character) for character in text.replace("\t", " "))


def for_message(text: str) -> str:
    """Return a text as a part of a sentence: on one line, with line ends written as escapes too."""
    return for_terminal(text).replace("\n", "\\n")


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and character != "\u200d":
        return character.encode("unicode_escape").decode()
    return character


def for_xml(text: str) -> str:
    """Return a text in which every character that XML 1.0 does not allow is replaced by U+FFFD."""
    return _NOT_XML.sub(REPLACEMENT, text)


def for_csv(value: Any) -> Any:
    """Return a cell of a table file: a text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
