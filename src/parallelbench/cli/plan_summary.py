"""What a dry run prints: how much would run, of what, and what it will take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelbench.cli.summary import duration
from parallelbench.experiments.forecast import BASES

if TYPE_CHECKING:
    from parallelbench.experiments.plan import PlannedCell
    from parallelbench.experiments.plan_forecast import PlanForecast

MOST_NAMES = 12
"""Names of one kind that are listed."""


def lines_of(cells: Sequence[PlannedCell], out: Path, made: PlanForecast) -> Iterator[str]:
    """Yield the lines of the summary of a plan."""
    total = sum(len(one.indices) for one in cells)
    stored = f", {total - made.missing} of them in {out}" if made.missing < total else ""
    yield f"{len(cells)} cells, {total} samples{stored}; nothing is run or written"
    named: dict[str, list[str]] = {
        "models": [one.cell.model for one in cells],
        "tasks": [one.cell.task for one in cells],
        "decoders": [one.cell.decoder for one in cells],
        "seeds": [str(one.cell.seed) for one in cells],
        "caches": [one.cell.cache for one in cells],
    }
    for kind, names in named.items():
        distinct = list(dict.fromkeys(names))
        more = f", and {len(distinct) - MOST_NAMES} more" if len(distinct) > MOST_NAMES else ""
        if kind != "caches" or distinct != ["none"]:
            yield f"{kind:<9} {len(distinct):>4}: {', '.join(distinct[:MOST_NAMES])}{more}"
    yield _forwards(made)
    yield _time(made, out)
    yield from _memory(made)
    for cost in made.costs:
        yield f"cost: {cost.model} {'at most' if cost.bound else 'about'} {cost.amount:.4g} (prices: {cost.prices})"


def _forwards(made: PlanForecast) -> str:
    """The number of forwards, by what it is known from."""
    words = {"exact": "exact in", "records": "by records in", "bound": "at most in"}
    counts = {basis: (made.forwards(basis), made.count(basis)) for basis in BASES}
    parts = [f"{round(total):,} {words[basis]} {cells} cells" for basis, (total, cells) in counts.items() if cells]
    unknown = f"; unknown for {made.without_forwards} samples" if made.without_forwards else ""
    rows = "" if round(made.rows) == round(made.expected) else f"; {round(made.rows):,} rows where these are known"
    return f"forwards of single samples: {round(made.expected):,} ({'; '.join(parts) or 'none'}){unknown}{rows}"


def _time(made: PlanForecast, out: Path) -> str:
    if made.missing and made.without_time == made.missing:
        return (
            "time: unknown; --speed N says rows a second, or run the same command with --limit 2 -o TRIAL and then this one "
            f"with --measured TRIAL. Folder: {out}"
        )
    unknown = f", without {made.without_time} samples of unknown speed" if made.without_time else ""
    bound = " at most" if made.count("bound") else ""
    return f"time:{bound or ' about'} {duration(made.seconds)} of decoding{unknown}. Folder: {out}"


def _memory(made: PlanForecast) -> Iterator[str]:
    for one in made.memory:
        if one.total is not None and one.weights is not None:
            sizes = f"about {_bytes(one.total)} at batch size {one.batch_size} (weights {_bytes(one.weights)})"
            yield f"memory: {one.model} {sizes}"


def _bytes(count: int) -> str:
    """Write a number of bytes with a unit: 4.5 MB, 16.1 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def as_object(cells: Sequence[PlannedCell], out: Path, made: PlanForecast) -> dict[str, Any]:
    """The forecast as a JSON object; forwards and rows count those of single samples."""
    return {
        "cells": len(cells),
        "samples": sum(len(one.indices) for one in cells),
        "dry_run": True,
        "out": str(out),
        "missing": made.missing,
        "forwards": {
            "expected": round(made.expected),
            **{basis: round(made.forwards(basis)) for basis in BASES},
        },
        "rows": round(made.rows),
        "seconds": None if made.missing and made.without_time == made.missing else made.seconds,
        "samples_without_time": made.without_time,
        "memory": [one._asdict() for one in made.memory],
        "costs": [one._asdict() for one in made.costs],
    }
