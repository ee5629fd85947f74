"""`parallelbench list`: what there is, by name."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.errors import UnknownName
from parallelbench.registry import Registry

REGISTRIES = {
    "tasks": "parallelbench.tasks:TASKS",
    "models": "parallelbench.models:MODELS",
    "decoders": "parallelbench.decoding:DECODERS",
    "caches": "parallelbench.decoding:CACHES",
    "metrics": "parallelbench.metrics:METRICS",
}


def command(kind: Annotated[str, typer.Argument(metavar="tasks|models|decoders|caches|metrics", help="What to list.")]) -> None:
    """List tasks, models, decoders, caches or metrics, one a line."""
    from parallelbench.registry import Entry

    if kind not in REGISTRIES:
        raise UnknownName("kind of thing to list", kind, REGISTRIES)
    registry: Registry = Entry(REGISTRIES[kind]).load()
    entries = list(registry.items())
    width = max((len(name) for name, _ in entries), default=0)
    notes = max((len(entry.note) + 2 for _, entry in entries if entry.note), default=0)
    for name, entry in entries:
        print(f"{name:<{width}}  {entry.note:<{notes}}{entry.summary}".rstrip())
