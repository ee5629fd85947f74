"""`parallelbench list`: what there is, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from parallelbench.errors import UnknownName

if TYPE_CHECKING:
    from parallelbench.experiments.spec import Sweep

REGISTRIES = {
    "tasks": "parallelbench.tasks:TASKS",
    "models": "parallelbench.models:MODELS",
    "decoders": "parallelbench.decoding:DECODERS",
    "caches": "parallelbench.decoding:CACHES",
    "metrics": "parallelbench.metrics:METRICS",
    "recipes": "parallelbench.training:RECIPES",
}
EXPERIMENTS, PROTOCOLS = "experiments", "protocols"
KINDS = (*REGISTRIES, EXPERIMENTS, PROTOCOLS)
MOST_MODELS = 3
"""Models of an experiment that are named."""


def command(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[tasks|models|decoders|caches|metrics|recipes|experiments|protocols]", help="What to list."),
    ] = None,
) -> None:
    """List tasks, models, decoders, metrics, experiments and so on.

    Prints one a line; an experiment with its number of cells, about how many forwards of one sample these take, and its models.
    Without a kind: how many there are of each.
    """
    if kind is None:
        for one in KINDS:
            print(f"{one:<12} {len(names_of(one)):>4}   parallelbench list {one}")
        return
    if kind not in KINDS:
        raise UnknownName("kind of thing to list", kind, KINDS)
    entries = entries_of(kind)
    width = max((len(name) for name, _, _ in entries), default=0)
    notes = max((len(note) + 2 for _, note, _ in entries if note), default=0)
    for name, note, summary in entries:
        print(f"{name:<{width}}  {note:<{notes}}{summary}".rstrip())


def names_of(kind: str) -> list[str]:
    """Return the names of everything of a kind."""
    from parallelbench.experiments.spec import experiment_names
    from parallelbench.protocols import protocols
    from parallelbench.registry import Entry, Registry

    if kind in (EXPERIMENTS, PROTOCOLS):
        return experiment_names() if kind == EXPERIMENTS else list(protocols())
    registry: Registry = Entry(REGISTRIES[kind]).load()
    return registry.names()


def entries_of(kind: str) -> list[tuple[str, str, str]]:
    """Return name, note and summary of everything of a kind."""
    if kind == EXPERIMENTS:
        from parallelbench.experiments.spec import experiment_names, load_sweep

        return [(name, *_described(load_sweep(name))) for name in experiment_names()]
    if kind == PROTOCOLS:
        from parallelbench.protocols import protocols

        return [(name, "", f"{one.model}: {', '.join(one.tasks)}. {one.source}") for name, one in protocols().items()]
    from parallelbench.registry import Entry, Registry

    registry: Registry = Entry(REGISTRIES[kind]).load()
    return [(name, entry.note, entry.summary) for name, entry in registry.items()]


def _described(sweep: Sweep) -> tuple[str, str]:
    """The size of an experiment, and what it shows with which models."""
    from parallelbench.experiments.expected import size_of

    cells, forwards = size_of(sweep)
    models = ", ".join(sweep.models[:MOST_MODELS]) + (
        f" and {len(sweep.models) - MOST_MODELS} more" * (len(sweep.models) > MOST_MODELS)
    )
    return f"{cells:>5,} cells {_rounded(forwards):>6} forwards", f"{sweep.name} ({models})"


def _rounded(count: int) -> str:
    """Two digits: 940, 9.4k, 940k, 9.4M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.2g}{letter}" if count < 100 * size else f"{round(count / size):,}{letter}"
    return str(count)
