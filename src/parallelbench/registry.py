"""A lazy, typed registry: listing names imports nothing, a miss offers the nearest name.

Entries are `"module:attribute"` strings with preset options, so that one class can serve several names. Other packages
add theirs through the entry point group `parallelbench.<kind>s`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from parallelbench.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an object lives, one line that says what it is, what is preset when it is made, and a word for listings."""

    target: str
    summary: str = ""
    preset: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def load(self) -> Any:
        """Import and return the object that `target` names."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


class Registry:
    """Names of one kind ("task", "decoder", ...), each with an `Entry`."""

    def __init__(self, kind: str, entries: Mapping[str, Entry]) -> None:
        self.kind = kind
        self._own = dict(entries)

    def names(self) -> list[str]:
        """Every name, ours in the order of the table, then those of installed packages."""
        return [*self._own, *(name for name in self._foreign() if name not in self._own)]

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Every name with its entry."""
        entries = {**self._foreign(), **self._own}
        return ((name, entries[name]) for name in self.names())

    def get(self, name: str) -> Entry:
        """Return the entry of this name.

        Raises:
            UnknownName: there is none; the message offers the nearest.
        """
        if name in self._own:
            return self._own[name]
        foreign = self._foreign()
        if name not in foreign:
            raise UnknownName(self.kind, name, self.names())
        return foreign[name]

    def _foreign(self) -> dict[str, Entry]:
        group = entry_points(group=f"parallelbench.{self.kind}s")
        return {point.name: Entry(point.value, f"from package {point.dist.name if point.dist else '?'}") for point in group}
