"""Fills the index of the explorer from the run folders, page by page, and again and again while a run goes on."""

from __future__ import annotations

import gc
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from parallelbench.errors import UserError
from parallelbench.runs.border import check_regular
from parallelbench.runs.cell_folder import CELL, RECORDS, TRACES, CellFolder
from parallelbench.runs.folder import StoredCell, joined, read_again
from parallelbench.runs.heartbeat import life_of, read_heartbeat
from parallelbench.runs.pages import Place, read_page
from parallelbench.runs.scores import FAILURES, SCORES, labels_of, score_file, scores_of
from parallelbench.view.index import NOT_COMPUTED, Index

PAUSE = 1.0
"""Seconds between two looks at the disk, or ten times what one took if that is longer."""
Signature = tuple[int, int, int]
NO_FILE: Signature = (0, 0, 0)


@dataclass(slots=True)
class Progress:
    """How far the records of a cell in one folder have been read: as which file, to which byte and line, and which samples."""

    file: Signature = NO_FILE
    end: int = 0
    lines: int = 0
    known: set[int] = field(default_factory=set)


class Reader:
    """Reads what is new on disk into an index. Only one thread may call it."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._progress: defaultdict[str, dict[int, Progress]] = defaultdict(dict)
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._scores: dict[str, list[Signature]] = {}

    def follow(self, end: Event) -> None:
        """Read again and again until an event is set."""
        self.refresh()
        gc.collect()
        gc.freeze()  # the cells live as long as the process, and every full collection would look at all of them
        while not end.is_set():
            start = monotonic()
            self.refresh()
            end.wait(max(PAUSE, 10 * (monotonic() - start)))

    def refresh(self) -> None:
        """Read everything that is new."""
        index = self.index
        self._trying(self._look_for_cells)
        for place, folder in enumerate(index.run.folders):
            for stored in folder.cells:
                self._trying(self._read, stored, place)
        for stored in index.run.cells:
            self._trying(self._score, stored)
        last = [(folder.path, folder.calls[-1]) for folder in index.run.folders if folder.calls]
        running = any(
            call.outcome == "running" and life_of(read_heartbeat(path), call.number) == "running" for path, call in last
        )
        if not index.whole or running != index.running:
            index.whole, index.running = True, running
            index.version += 1

    def _trying(self, read: Any, *arguments: Any) -> None:
        try:
            read(*arguments)
        except UserError as error:
            self.index.say(str(error))
        except OSError as error:
            self.index.say(f"{error.filename} cannot be read ({error.strerror}); check the folder and its permissions.")

    def _look_for_cells(self) -> None:
        before = self.index.run
        folders = tuple(read_again(folder) for folder in before.folders)
        if folders != before.folders:
            self.index.set_run(joined(*folders))
        elif not self.index.names:
            self.index.set_run(before)

    def _read(self, stored: StoredCell, place: int) -> None:
        """Read the records of a cell that are new in the run folder of this place."""
        folder = stored.folders[0]
        progress, now = self._progress[stored.id].setdefault(place, Progress()), signature(folder.path / RECORDS)
        if now == progress.file:
            return
        check_inside(folder)
        if now != NO_FILE:
            check_regular(folder.path / RECORDS)
        if progress.end and (now[0] != progress.file[0] or now[1] < progress.end):
            progress = self._progress[stored.id][place] = Progress()
            self._forget(stored, place)
        progress.file = now
        while progress.end < now[1]:
            page = read_page(folder, stored.cell, progress.end, progress.lines + 1, progress.known)
            if not page.lines:
                return  # the last line is still being written
            progress.end, progress.lines = page.end, progress.lines + page.lines
            for fault in page.faults:
                self.index.say(fault)
            self._append(stored, place, page.records)

    def _append(self, stored: StoredCell, place: int, records: Sequence[tuple[Place, Any]]) -> None:
        """Add records to the rows; a sample that lies in several folders counts once."""
        code, headline = self.index.code_of(stored.id), stored.cell.metrics[0]
        others = [other.known for at, other in self._progress[stored.id].items() if at != place]
        new = [(where, record) for where, record in records if not any(record.index in known for known in others)]
        rows = [
            (code, place, record.index, *where, record.scores.get(headline, math.nan), NOT_COMPUTED, *_speed(record))
            for where, record in new
        ]
        self._places[stored.id] += range(self.index.rows.count, self.index.rows.count + len(rows))
        self.index.rows.append(rows, [f"{record.sample_id} {record.text}" for _, record in new])
        self._scores.pop(stored.id, None)
        self.index.version += 1

    def _forget(self, stored: StoredCell, place: int) -> None:
        """Take the rows of a cell in one folder out of the index, because its file is another one now."""
        rows, places = self.index.rows.snapshot().rows, self._places[stored.id]
        gone = [at for at in places if rows["folder"][at] == place]
        rows["cell"][gone] = -1
        self._places[stored.id] = [at for at in places if rows["folder"][at] != place]

    def _score(self, stored: StoredCell) -> None:
        """Read the reasons of failures and the headline scores that were computed after the run, where they are new."""
        headline = stored.cell.metrics[0]
        now = [signature(score_file(folder, name)) for folder in stored.folders for name in (FAILURES, headline)]
        before = self._scores.get(stored.id)
        if now == before:
            return
        self._scores[stored.id] = now
        if not any(one != NO_FILE for one in now):
            return
        rows, prefix = self.index.rows.snapshot().rows, stored.cell.sample_prefix
        places = self._places[stored.id]
        names = [f"{prefix}{index}" for index in rows["index"][places].tolist()]
        labels = labels_of(stored)
        rows["reason"][places] = [self.index.number_of(labels[name]) if name in labels else NOT_COMPUTED for name in names]
        for scores in (one for one in scores_of(stored) if one.name == headline):
            for place, name in zip(places, names, strict=True):
                if name in scores.rows and scores.rows[name].value is not None:
                    rows["accuracy"][place] = scores.rows[name].value
        self.index.version += 1


def signature(path: Path) -> Signature:
    """Which file lies at a path, how long it is, and when it was written; all 0 where there is none."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return NO_FILE
    return (about.st_ino, about.st_size, about.st_mtime_ns)


def check_inside(folder: CellFolder) -> None:
    """Refuse a cell that is, or of which a file is, a link to somewhere outside its run.

    Raises:
        UserError: it is one.
    """
    run = folder.path.parents[1].resolve()
    links = [path for name in (CELL, RECORDS, TRACES, SCORES) if (path := folder.path / name).is_symlink()]
    for path in (folder.path, *links):
        if not path.resolve().is_relative_to(run):
            raise UserError(f"{path} is a link to a place outside its run and is not read; copy the run as a whole.")


def _speed(record: Any) -> tuple[int, float]:
    """nfe and content tokens per forward of a record, as a row holds them."""
    nfe, speed = record.nfe, record.content_tokens_per_forward
    return -1 if nfe is None else min(nfe, 2**31 - 1), math.nan if speed is None else speed
