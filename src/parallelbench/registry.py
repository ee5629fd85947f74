"""A lazy, typed registry: listing names imports nothing, a miss offers the nearest name.

Entries are `"module:attribute"` strings with preset options, so that one class can serve several names. Other packages
add theirs through the entry point group `parallelbench.<kind>s`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parallelbench.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an object is defined (`module:attribute`), a one-line summary, options preset for it, and a word for listings."""

    target: str
    summary: str = ""
    preset: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def load(self) -> Any:
        """Import and return the object that `target` names."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


class Registry:
    """The names of one kind of object ("task", "decoder", ...), each with an `Entry`."""

    def __init__(self, kind: str, entries: Mapping[str, Entry]) -> None:
        self.kind = kind
        self._built_in = dict(entries)

    def register(self, name: str, entry: Entry) -> None:
        """Add a name for the life of this process; a package adds its names through an entry point."""
        self._built_in[name] = entry

    def names(self) -> list[str]:
        """Return every name: those of this package in the order of its table, then those of installed packages."""
        return [*self._built_in, *(name for name in self._installed() if name not in self._built_in)]

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Return every name with its entry, in the order of `names`."""
        entries = {**self._installed(), **self._built_in}
        return ((name, entries[name]) for name in self.names())

    def get(self, name: str) -> Entry:
        """Return the entry of this name.

        Raises:
            UnknownName: there is none; the message offers the nearest.
        """
        if name in self._built_in:
            return self._built_in[name]
        installed = self._installed()
        if name not in installed:
            raise UnknownName(self.kind, name, self.names())
        return installed[name]

    def _installed(self) -> dict[str, Entry]:
        from importlib.metadata import entry_points  # costs more than everything else that listing names needs

        group = entry_points(group=f"parallelbench.{self.kind}s")
        return {point.name: Entry(point.value, f"from package {point.dist.name if point.dist else '?'}") for point in group}
