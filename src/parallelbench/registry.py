"""Registries of tasks, decoders and other objects by name. Listing the names imports none of the objects.

An entry holds an import path `"module:attribute"` and preset options, so that one class can have several names. Other
packages add entries through the entry point group `parallelbench.<kind>s`. The error for an unknown name suggests the nearest.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parallelbench.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered object.

    Attributes:
        target: where it is defined, as `module:attribute`.
        summary: one line that describes it.
        preset: options that are set for this name.
        note: a word that listings show with the name.
    """

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
        """Add a name in this process only; a package adds its names through an entry point."""
        self._built_in[name] = entry

    def names(self) -> list[str]:
        """Return every name: first those of this package in the order of registration, then those of other packages."""
        return [*self._built_in, *(name for name in self._installed() if name not in self._built_in)]

    def __contains__(self, name: object) -> bool:
        """Whether there is an entry of this name; names of this package are looked up without those of others."""
        return name in self._built_in or name in self._installed()

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Return every name with its entry, in the order of `names`."""
        entries = {**self._installed(), **self._built_in}
        return ((name, entries[name]) for name in self.names())

    def get(self, name: str) -> Entry:
        """Return the entry of this name.

        Raises:
            UnknownName: there is none; the message suggests the nearest name.
        """
        if name in self._built_in:
            return self._built_in[name]
        installed = self._installed()
        if name not in installed:
            raise UnknownName(self.kind, name, self.names())
        return installed[name]

    def _installed(self) -> dict[str, Entry]:
        from importlib.metadata import entry_points  # slow to import, and not needed for names of this package

        group = entry_points(group=f"parallelbench.{self.kind}s")
        return {point.name: Entry(point.value, f"from package {point.dist.name if point.dist else '?'}") for point in group}
