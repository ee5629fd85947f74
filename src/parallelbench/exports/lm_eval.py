"""Results in the layout of lm-evaluation-harness (`results.json`), one file for each model, decoder and seed.

Metrics are keyed `name,none`, where "none" is the name of the filter, and have a standard error `name_stderr,none`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from parallelbench.analysis import frame as tables
from parallelbench.runs.cell import short_hash
from parallelbench.runs.folder import StoredCell, StoredRun

FILTER = "none"


def results(run: StoredRun) -> dict[str, dict[str, Any]]:
    """Return for each model, decoder and seed of a run the object of its results.json, by a name for its file.

    Raises:
        UserError: one metric was computed with different backends.
        DamagedRun: a file is damaged.
    """
    frame = tables.samples(run)
    scores = {str(cell): part for cell, part in frame.groupby("cell", sort=False)} if len(frame) else {}
    groups: dict[str, list[StoredCell]] = {}
    for stored in run.cells:
        if stored.id in scores:
            groups.setdefault(_name(stored), []).append(stored)
    return {name: _object(inside, scores) for name, inside in groups.items()}


def _name(stored: StoredCell) -> str:
    """A file name that tells models, decoders and seeds apart on every system."""
    cell = stored.cell
    whole = f"{cell.model_facts.spec}__{cell.decoder}" + (f"__{cell.cache}" if cell.cache != "none" else "")
    readable = "".join(one if one.isascii() and (one.isalnum() or one in "._-=") else "_" for one in whole).lstrip(".")
    identity = (cell.model, cell.revision, cell.dtype, cell.template, cell.decoder, cell.cache, cell.aux)
    return f"{readable[:80]}__seed{cell.seed}_{short_hash(identity)[:8]}"


def _object(inside: list[StoredCell], scores: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    first, tasks = inside[0].cell, _by_task(inside)
    metrics = {task: _metrics(stored, scores[stored.id]) for task, stored in tasks.items()}
    counts = {task: len(scores[stored.id]) for task, stored in tasks.items()}
    session = inside[0].sessions[-1] if inside[0].sessions else None
    arguments = {"revision": first.revision, "dtype": first.dtype, "decoder": first.decoder, "cache": first.cache}
    return {
        "results": {task: {"alias": task, **found} for task, found in metrics.items()},
        "configs": {task: _config(stored) for task, stored in tasks.items()},
        "versions": {task: stored.cell.task_version for task, stored in tasks.items()},
        "n-shot": {task: stored.cell.shots for task, stored in tasks.items()},
        "higher_is_better": {task: dict.fromkeys(scores[stored.id]["scores"].iloc[0], True) for task, stored in tasks.items()},
        "n-samples": {task: {"original": counts[task], "effective": counts[task]} for task in tasks},
        "config": {
            "model": "parallelbench",
            "model_args": {"model": first.model_facts.spec, **arguments},
            "model_revision": first.revision,
            "model_dtype": first.dtype,
            "batch_size": None if session is None else session.batch_size,
            "device": None if session is None else session.device,
            "random_seed": first.seed,
        },
        "git_hash": None if session is None or session.environment.git is None else session.environment.git["commit"],
        "date": None if session is None else datetime.fromisoformat(session.started).timestamp(),
        "model_name": first.model_facts.spec,
        "chat_template": first.template,
    }


def _by_task(inside: list[StoredCell]) -> dict[str, StoredCell]:
    """The cells by the name of the task, in full where two have one name."""
    names = [stored.cell.task for stored in inside]
    found: dict[str, StoredCell] = {}
    for stored in inside:
        name = stored.cell.task if names.count(stored.cell.task) == 1 else stored.cell.task_spec
        found[name if name not in found else f"{name}/{stored.id}"] = stored
    return found


def _config(stored: StoredCell) -> dict[str, Any]:
    cell = stored.cell
    return {
        "task": cell.task_spec,
        "num_fewshot": cell.shots,
        "output_type": "generate_until",
        "generation_kwargs": {"max_gen_toks": cell.canvas_length},
        "metadata": {"version": cell.task_version, "suite": cell.suite},
    }


def _metrics(stored: StoredCell, frame: pd.DataFrame) -> dict[str, float | str]:
    """The mean and the standard error of each metric of a cell, and of its costs."""
    columns = pd.DataFrame(list(frame["scores"]), dtype="float64")
    names = list(dict.fromkeys([*stored.cell.metrics, *columns.columns]))
    found: dict[str, float | str] = {}
    for name in names:
        if name in columns:
            found |= _entry(name, columns[name])
    for name in ("nfe", "tokens_per_step", "content_tokens_per_forward"):
        if frame[name].notna().any():
            found |= _entry(name, frame[name])
    return found


def _entry(name: str, values: pd.Series[float]) -> dict[str, float | str]:
    """Mean and standard error of the mean; "N/A" for one sample, as lm-eval writes it."""
    error = float(values.std() / math.sqrt(values.count())) if values.count() > 1 else math.nan
    return {f"{name},{FILTER}": float(values.mean()), f"{name}_stderr,{FILTER}": "N/A" if math.isnan(error) else error}
