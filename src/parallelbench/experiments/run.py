"""The one cell loop: the missing samples of a cell become records and traces on disk."""

from __future__ import annotations

from dataclasses import dataclass

from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.progress import Progress
from parallelbench.experiments.records import hash_of, make_row
from parallelbench.experiments.sources import Source
from parallelbench.metrics import backends
from parallelbench.runs.calls import changed_packages
from parallelbench.runs.cell_files import Session
from parallelbench.runs.cell_folder import CellFolder, trace_end
from parallelbench.runs.store import RunStore
from parallelbench.runs.times import now
from parallelbench.schema import BatchSize


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left to do of a cell.

    Attributes:
        work: the cell.
        folder: where it is stored.
        missing: indices of the samples that are not on disk, in the order in which a limit takes them.
        stored: how many samples are on disk.
        trace_bytes: how many bytes of traces these refer to.
    """

    work: PlannedCell
    folder: CellFolder
    missing: tuple[int, ...]
    stored: int
    trace_bytes: int


def remaining(work: PlannedCell, store: RunStore) -> Remaining:
    """Find out what is left to do of a cell.

    Raises:
        DamagedRun: what is on disk is damaged, or DONE counts other samples than there are.
    """
    folder = store.cell(work.cell)
    if folder.begun:
        folder.read()
    records = folder.records(work.cell)
    done = {record.index for record in records}
    missing = tuple(index for index in work.indices if index not in done)
    return Remaining(work, folder, missing, len(records), trace_end(records))


def run_cell(todo: Remaining, source: Source, batch_size: BatchSize, store: RunStore, progress: Progress) -> None:
    """Decode what is missing of a cell, append each sample as it finishes, and mark the cell done.

    The records depend on nothing but the cell, `seconds` aside.

    Raises:
        UserError: a prompt does not fit, the prompts changed since the cell was begun, or the disk cannot be written.
        DamagedRun: other samples are on disk afterwards than were read and written.
    """
    work, folder, environment = todo.work, todo.folder, store.call.environment
    session = Session(
        call=store.call.number,
        started=now(),
        device=source.device,
        batch_size=batch_size,
        model=source.details(),
        environment=environment,
    )
    earlier = folder.read().sessions if folder.begun else ()
    if earlier and (changed := changed_packages(earlier[-1].environment, environment)):
        progress.note(f"{work.cell.task}, {work.cell.decoder}: other versions than in the earlier part of it: {changed}.")
    folder.begin(work.cell, backends(work.task.metrics), hash_of(source.first_prompt()), session)
    with folder.writing(todo.stored, todo.trace_bytes) as writer:
        for decoded in source.decode(todo.missing):
            record, trace = make_row(decoded, work.task.metrics, work.cell.id)
            writer.append(record, trace)
            progress.sample_done(work.cell, record)
    folder.finish(work.cell, writer.count, ended=now(), added=writer.count - todo.stored)
