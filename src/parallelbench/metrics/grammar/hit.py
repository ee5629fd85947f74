"""A finding of a grammar checker: the broken rule and its place."""

from __future__ import annotations

from typing import NamedTuple


class Hit(NamedTuple):
    """A broken rule and its span in characters of the text."""

    rule: str
    start: int
    end: int
