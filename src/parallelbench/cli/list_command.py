"""`parallelbench list`: what there is, by name."""

from __future__ import annotations

from typing import Annotated

import typer

from parallelbench.errors import UnknownName

REGISTRIES = {
    "tasks": "parallelbench.tasks:TASKS",
    "models": "parallelbench.models:MODELS",
    "decoders": "parallelbench.decoding:DECODERS",
    "caches": "parallelbench.decoding:CACHES",
    "metrics": "parallelbench.metrics:METRICS",
}
EXPERIMENTS = "experiments"
KINDS = (*REGISTRIES, EXPERIMENTS)


def command(
    kind: Annotated[
        str | None, typer.Argument(metavar="[tasks|models|decoders|caches|metrics|experiments]", help="What to list.")
    ] = None,
) -> None:
    """List tasks, models, decoders, caches, metrics or experiments.

    Prints one a line. Without a kind: how many there are of each.
    """
    if kind is None:
        for one in KINDS:
            print(f"{one:<12} {len(entries_of(one)):>4}   parallelbench list {one}")
        return
    if kind not in KINDS:
        raise UnknownName("kind of thing to list", kind, KINDS)
    entries = entries_of(kind)
    width = max((len(name) for name, _, _ in entries), default=0)
    notes = max((len(note) + 2 for _, note, _ in entries if note), default=0)
    for name, note, summary in entries:
        print(f"{name:<{width}}  {note:<{notes}}{summary}".rstrip())


def entries_of(kind: str) -> list[tuple[str, str, str]]:
    """Return name, note and summary of everything of a kind."""
    if kind == EXPERIMENTS:
        from parallelbench.experiments.spec import experiment_names, load_sweep

        return [(name, "", load_sweep(name).name) for name in experiment_names()]
    from parallelbench.registry import Entry, Registry

    registry: Registry = Entry(REGISTRIES[kind]).load()
    return [(name, entry.note, entry.summary) for name, entry in registry.items()]
