"""Runs one cell: its missing samples become prompts, generations, records on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.decoding import Engine, make_prompt
from parallelbench.decoding.cache import EXACT
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.progress import Progress
from parallelbench.experiments.records import hash_of, make_row
from parallelbench.metrics import backends
from parallelbench.runs.store import CellStore, line_of
from parallelbench.schema import Prompt


def missing_indices(work: PlannedCell, store: CellStore) -> list[int]:
    """Return the samples of a cell that are not on disk yet, in the order in which a limit takes them.

    Raises:
        UserError: a record line is damaged.
    """
    done = store.done_indices()
    return [index for index in work.indices if index not in done]


def run_cell(
    work: PlannedCell,
    missing: Sequence[int],
    store: CellStore,
    model: Denoiser,
    batch_size: int,
    origin: Mapping[str, Any],
    progress: Progress,
    aux: Denoiser | None = None,
) -> None:
    """Decode the missing samples of a cell, append each as it finishes, and mark the cell done.

    `origin` is the provenance that goes into cell.json. The records depend on nothing but the cell, `seconds` aside.

    Raises:
        UserError: a prompt does not fit, the prompts changed since the cell was begun, or the disk cannot be written.
    """
    if work.decoder is None:
        raise TypeError(f"{work.cell.id} names no decoder for a denoiser")
    first = _prompt(work, model, work.task.order(work.cell.seed)[0])
    details = {"model": model.details(), "device": model.info.device, "batch_size": batch_size}
    metrics = {"metrics": list(work.task.metrics), "backends": backends(work.task.metrics)}
    named = {"task_spec": work.task.spec, "family": work.decoder.family, **metrics}
    more = {**named, "approximate": work.cell.cache not in EXACT, "provenance": {**origin, **details}}
    store.describe(work.cell, more, hash_of(first.text))
    prompts = (_prompt(work, model, index) for index in missing)
    engine = Engine(model, batch_size, aux, work.cell.cache)
    engine.warm_up(first, work.decoder, work.cell.seed)
    with store.writing() as file:
        for generation in engine.generate(prompts, work.decoder, work.cell.seed):
            file.append(line_of(make_row(generation, model, work.task.metrics)))
            progress.sample_done(work.cell)
    store.finish(len(store.done_indices()))


def _prompt(work: PlannedCell, model: Denoiser, index: int) -> Prompt:
    sample = work.task.sample(work.cell.seed, index, model.info.shots)
    return make_prompt(model, sample, work.task.max_new_tokens, infill=work.task.infill)
