"""What a dry run prints: how much would run, of what, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parallelbench.cli.summary import duration

if TYPE_CHECKING:
    from parallelbench.experiments.plan import PlannedCell

MOST_NAMES = 12
"""Names of one kind that are listed."""


def lines_of(cells: Sequence[PlannedCell], out: Path) -> Iterator[str]:
    """Yield the lines of the summary of a plan."""
    total = sum(len(one.indices) for one in cells)
    yield f"{len(cells)} cells, {total} samples; nothing is run or written"
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
    yield from _on_disk(cells, out, total)


def _on_disk(cells: Sequence[PlannedCell], out: Path, total: int) -> Iterator[str]:
    """What the folder already holds, and an estimate of the time from it."""
    if not (out / "run.json").is_file():
        yield f"time: unknown until something has run; the same command with --limit 2 -o TRIAL measures it. Folder: {out}"
        return
    from parallelbench.results import Results

    rows = Results(out).rows
    done = sum(row.samples for row in rows)
    seconds = {row.decoder: row.seconds / max(row.samples, 1) for row in rows}
    known = [seconds[one.cell.decoder] * len(one.indices) for one in cells if one.cell.decoder in seconds]
    yield f"{out} holds {done} samples of {len(rows)} cells"
    if known and total:
        whole = sum(known) * len(cells) / len(known)
        yield f"time: about {duration(whole)} of decoding for all {total} samples, by the samples in {out}"
