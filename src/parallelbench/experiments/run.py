"""Writes what an executor yields: the missing samples of planned cells become records and traces on disk.

Only this module writes into the cells of a run, whatever the number of workers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parallelbench.errors import UserError
from parallelbench.experiments.executors.events import (
    CellMeasured,
    CellOpened,
    CellStarted,
    CellTodo,
    Event,
    Executor,
    Remark,
    SampleDone,
    SampleFailed,
)
from parallelbench.experiments.plan import PlannedCell
from parallelbench.experiments.progress import Progress
from parallelbench.runs.calls import changed_packages
from parallelbench.runs.cell_files import NO_READING, Session, Usage
from parallelbench.runs.cell_folder import CellFolder, trace_end
from parallelbench.runs.cell_writer import CellWriter
from parallelbench.runs.store import RunStore
from parallelbench.runs.times import now
from parallelbench.runs.undecoded import UNDECODED, Undecoded, append_undecoded
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


def run_cells(
    works: Sequence[PlannedCell], store: RunStore, executor: Executor, batch_size: BatchSize, progress: Progress
) -> list[Undecoded]:
    """Run what is missing of every cell, and return the samples that could not be decoded.

    Raises:
        DamagedRun: a file of a cell is damaged (found before anything runs), or other samples are on disk afterwards than were
            read and written.
        UserError: a cell cannot be run or written, or its prompts changed since it was begun.
    """
    found = [remaining(work, store) for work in works]
    progress.planned([(one.work.cell, len(one.missing)) for one in found], sum(len(work.indices) for work in works))
    for one in found:
        if not one.missing and not one.folder.is_done and one.folder.begun:
            one.folder.finish(one.work.cell, one.stored)
    todo = [one for one in found if one.missing]
    with (
        _writing(todo, store, batch_size, progress) as cells,
        contextlib.closing(executor.execute([CellTodo(one.work, one.missing) for one in todo])) as events,
    ):
        for event in events:
            cells.take(event)
        cells.check_complete()
    if cells.undecoded:
        progress.note(sentence_of(cells.undecoded))
    return cells.undecoded


def sentence_of(undecoded: Sequence[Undecoded]) -> str:
    """Say how many samples could not be decoded, and why the first."""
    first, cells = undecoded[0], len({one.cell for one in undecoded})
    return (
        f"{len(undecoded)} samples of {cells} cells could not be decoded ({first.sample_id}: {first.reason}); {UNDECODED} in "
        "the folder of each cell names them, and the same command tries them again."
    )


@contextlib.contextmanager
def _writing(todo: Sequence[Remaining], store: RunStore, batch_size: BatchSize, progress: Progress) -> Iterator[_Cells]:
    """Close every cell that is still open when the context ends, so that what is finished is durable."""
    cells = _Cells(todo, store, batch_size, progress)
    try:
        yield cells
    finally:
        cells.close()


@dataclass(slots=True)
class _OpenCell:
    """A cell that is being written."""

    opened: CellOpened
    writer: CellWriter
    closing: contextlib.ExitStack
    usage: Usage = NO_READING


class _Cells:
    """The cells of a run while it runs."""

    def __init__(self, todo: Sequence[Remaining], store: RunStore, batch_size: BatchSize, progress: Progress) -> None:
        self.undecoded: list[Undecoded] = []
        self._todo = {one.work.cell.id: one for one in todo}
        self._left = {cell_id: set(one.missing) for cell_id, one in self._todo.items()}
        self._open: dict[str, _OpenCell] = {}
        self._store, self._batch_size, self._progress = store, batch_size, progress

    def take(self, event: Event) -> None:
        """Write down one event."""
        match event:
            case CellStarted():
                one = self._todo[event.cell_id]
                self._progress.cell_started(one.work.cell, len(one.missing))
            case CellOpened():
                self._opened(event)
            case CellMeasured():
                self._open[event.cell_id].usage = event.usage
            case SampleDone():
                self._left[event.record.cell].remove(event.record.index)
                self._open[event.record.cell].writer.append(event.record, event.trace)
                self._progress.sample_done(self._todo[event.record.cell].work.cell, event.record)
                self._end(event.record.cell)
            case SampleFailed():
                self._failed(event)
            case Remark():
                self._progress.note(event.text)

    def _failed(self, event: SampleFailed) -> None:
        cell = self._todo[event.cell_id].work.cell
        self._left[event.cell_id].remove(event.index)
        sample_id, call = f"{cell.sample_prefix}{event.index}", self._store.call.number
        sample = Undecoded(cell=event.cell_id, sample_id=sample_id, index=event.index, call=call, reason=event.reason)
        append_undecoded(self._todo[event.cell_id].folder.path, sample)
        self.undecoded.append(sample)
        self._end(event.cell_id)

    def _opened(self, event: CellOpened) -> None:
        """Begin a cell, or check that another worker opens it to the same prompts.

        Raises:
            UserError: its prompts or metrics differ from those on disk, or between two workers.
        """
        if event.cell_id in self._open:
            first = self._open[event.cell_id].opened
            if (first.prompt_hash, first.backends) != (event.prompt_hash, event.backends):
                task = self._todo[event.cell_id].work.cell.task
                raise UserError(
                    f"two workers have other prompts or metrics for {task}; install the same versions on all machines."
                )
            return
        one, environment = self._todo[event.cell_id], self._store.call.environment
        session = Session(
            call=self._store.call.number,
            started=now(),
            device=event.device,
            batch_size=self._batch_size,
            model=event.details,
            environment=environment,
        )
        cell, folder = one.work.cell, one.folder
        earlier = folder.read().sessions if folder.begun else ()
        if earlier and (changed := changed_packages(earlier[-1].environment, environment)):
            self._progress.note(f"{cell.task}, {cell.decoder}: other versions than in the earlier part of it: {changed}.")
        folder.begin(cell, event.backends, event.prompt_hash, session)
        closing = contextlib.ExitStack()
        writer = closing.enter_context(folder.writing(one.stored, one.trace_bytes))
        self._open[event.cell_id] = _OpenCell(event, writer, closing)

    def _end(self, cell_id: str) -> None:
        """Close a cell of which no sample is left; it is done unless some of them could not be decoded."""
        if self._left[cell_id]:
            return
        one, written = self._todo[cell_id], self._open.pop(cell_id)
        written.closing.close()
        count = written.writer.count
        if count == one.stored + len(one.missing):
            one.folder.finish(one.work.cell, count, ended=now(), added=count - one.stored, usage=written.usage)
        else:
            one.folder.end_session(now(), count - one.stored, written.usage)
        self._progress.cell_done(one.work.cell)

    def check_complete(self) -> None:
        """Refuse an executor that ended without an error and left samples out."""
        left = {cell_id: len(indices) for cell_id, indices in self._left.items() if indices}
        if left:
            raise RuntimeError(f"the executor left out samples of the cells {left}")

    def close(self) -> None:
        """Close the files of the cells that are still open."""
        with contextlib.ExitStack() as all_files:
            for written in self._open.values():
                all_files.push(written.closing)
