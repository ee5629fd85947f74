"""Reads from a run folder what trackers are sent. The numbers are those of the tables of a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from parallelbench.analysis import stats
from parallelbench.runs.border import read_json
from parallelbench.runs.calls import read_calls
from parallelbench.runs.cell import short_hash
from parallelbench.runs.cell_folder import CellFolder
from parallelbench.runs.folder import CELLS, RUN, RUN_FILE, StoredCell
from parallelbench.runs.records import Record
from parallelbench.runs.scores import scores_of
from parallelbench.tracking.base import CellFacts, RunFacts

COSTS = ("nfe", "tokens_per_step", "content_tokens_per_forward")


def run_facts(out: Path) -> RunFacts:
    """Describe a run folder.

    Raises:
        UserError: it holds no run.
        DamagedRun: a file is damaged.
    """
    created, calls = read_json(out / RUN, RUN_FILE).created, read_calls(out)
    first, last = (calls[0], calls[-1]) if calls else (None, None)
    config = dict(last.resolved) if last is not None else {}
    names = [str(call.resolved["name"]) for call in calls if call.resolved.get("name")]
    made = [created, first.started if first is not None else "", list(first.arguments) if first is not None else []]
    made += [call.resolved["merged"] for call in calls if "merged" in call.resolved]  # a merged folder is another run
    provenance = [
        {key: value for key, value in asdict(call).items() if key not in ("schema", "cells", "resolved")} for call in calls
    ]
    name = out.resolve().name
    return RunFacts(short_hash(made), name, names[-1] if names else name, config, {"created": created, "calls": provenance})


def cell_facts(out: Path, cell_id: str) -> CellFacts:
    """Read one finished cell.

    Raises:
        DamagedRun: a file is damaged.
    """
    folder = CellFolder(out / CELLS / cell_id)
    stored = StoredCell((folder,), (folder.read(),))
    records = [record for _, record in stored.records()]
    cell = stored.cell
    numbers = {"samples": float(len(records)), "seconds": sum(record.seconds for record in records)}
    scores = _scores(stored, records)
    headline = scores.get(cell.metrics[0], [])
    if headline:
        low, high = stats.interval(headline)
        numbers |= {"accuracy": float(np.mean(headline)), "accuracy_low": low, "accuracy_high": high}
    numbers |= {f"score_{name}": float(np.mean(values)) for name, values in scores.items()}
    known = {name: [getattr(record, name) for record in records] for name in COSTS}
    known["rows"] = [record.costs.rows for record in records]
    numbers |= {name: mean for name, values in known.items() if (mean := _mean(values)) is not None}
    costs = [record.reported.cost for record in records if record.reported is not None and record.reported.cost is not None]
    if costs:
        numbers["cost"] = sum(costs)
    decoder = cell.decoder if cell.cache == "none" else f"{cell.decoder}, {cell.cache} cache"
    return CellFacts(cell_id, cell.model_facts.spec, cell.task_spec, decoder, cell.seed, numbers)


def finished_cells(out: Path) -> list[str]:
    """Return the ids of the cells of a folder that are complete, in the order of the plan."""
    planned = dict.fromkeys(cell_id for call in read_calls(out) for cell_id in call.cells)
    return [cell_id for cell_id in planned if CellFolder(out / CELLS / cell_id).is_done]


def _scores(stored: StoredCell, records: Iterable[Record]) -> dict[str, list[float]]:
    """Every score of a cell by metric; one that was computed after the run replaces that of the record."""
    later = {one.name: one.rows for one in scores_of(stored)}
    found: dict[str, list[float]] = {}
    for record in records:
        rows = {name: by_sample[record.sample_id].value for name, by_sample in later.items() if record.sample_id in by_sample}
        for name, value in {**record.scores, **rows}.items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return found


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
