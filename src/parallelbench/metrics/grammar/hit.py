"""What a grammar checker finds: which rule is broken, and where."""

from __future__ import annotations

from typing import NamedTuple


class Hit(NamedTuple):
    """A broken rule and its span in characters of the text."""

    rule: str
    start: int
    end: int
