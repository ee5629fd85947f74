"""The folder of one cell, `cells/<id>/`: cell.json, records.jsonl, traces.jsonl and DONE, read and written."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parallelbench.clean import for_message
from parallelbench.errors import UserError
from parallelbench.runs.border import SCHEMA, DamagedRun, check_regular, cleaned, find_json, parse, read_json
from parallelbench.runs.cell import Cell
from parallelbench.runs.cell_files import CELL_FILE, DONE_FILE, NO_READING, CellFile, Done, Session, Usage
from parallelbench.runs.cell_writer import CellWriter
from parallelbench.runs.disk import Appender, disk_errors, write_bytes
from parallelbench.runs.fast_lines import FastLines
from parallelbench.runs.json_lines import read_lines, whole_bytes, whole_lines
from parallelbench.runs.records import RECORD, TRACE, Record, Trace

CELL, RECORDS, TRACES, DONE = "cell.json", "records.jsonl", "traces.jsonl", "DONE"
NAMED_WITHIN = 400
"""Bytes from the start of a line of records in which its sample is named."""
FAST_RECORDS = FastLines(Record, RECORD)


@dataclass(frozen=True, slots=True)
class CellFolder:
    """One cell on disk."""

    path: Path

    @property
    def begun(self) -> bool:
        """Whether anything of the cell has been written."""
        return (self.path / CELL).exists() or (self.path / RECORDS).exists()

    @property
    def is_done(self) -> bool:
        """Whether the call that wrote last came to its end."""
        return (self.path / DONE).is_file()

    def done_rows(self) -> int | None:
        """Return how many samples DONE counts; None where there is no DONE.

        Raises:
            DamagedRun: DONE is damaged.
        """
        done = find_json(self.path / DONE, DONE_FILE)
        return None if done is None else done.rows

    def read(self) -> CellFile:
        """Read cell.json.

        Raises:
            DamagedRun: it is damaged, or of another cell than the folder's name says.
            OtherSchema: another version wrote it.
        """
        file = read_json(self.path / CELL, CELL_FILE)
        if not file.id == file.cell.id == self.path.name:
            raise DamagedRun(self.path / CELL, f"describes the cell {file.cell.id}, not {self.path.name}")
        return file

    def records(self, cell: Cell) -> list[Record]:
        """Read every record, in the order in which they were written.

        Raises:
            DamagedRun: a line other than a torn last one is damaged, repeats a sample or is of another cell; DONE counts other
                samples than there are; or the traces end too early.
            OtherSchema: another version wrote a line.
        """
        return self._checked([record for _, record in read_lines(self.path / RECORDS, RECORD)], cell)

    def measurements(self, cell: Cell) -> list[Any]:
        """Read every record as `records`, in a third of the time; a value has the attributes of a `Record`, and may be none.

        Raises:
            DamagedRun, OtherSchema: as `records`.
        """
        return self._checked(FAST_RECORDS.read(self.path / RECORDS), cell)

    def _checked(self, records: list[Any], cell: Cell) -> list[Any]:
        """The records, one from each line, all of which must belong together."""
        path, traces = self.path / RECORDS, self.path / TRACES
        indices, cell_id, prefix = [record.index for record in records], self.path.name, cell.sample_prefix
        if (
            len(set(indices)) < len(records)
            or {record.cell for record in records} - {cell_id}
            or [record.sample_id for record in records] != [f"{prefix}{index}" for index in indices]
        ):
            found: set[int] = set()
            for number, record in enumerate(records, 1):
                self.check(record, number, cell, found)
                found.add(record.index)
        self._compare(path, len(records))
        end = trace_end(records)
        if end > (traces.stat().st_size if traces.is_file() else 0):
            raise DamagedRun(traces, f"ends before the {end} bytes that {RECORDS} refers to")
        return records

    def find(self, cell: Cell, indices: Collection[int]) -> dict[int, Record]:
        """Read a few records by index, without parsing the others; `records` has checked them.

        Raises:
            DamagedRun: a line that is read is damaged.
        """
        path = self.path / RECORDS
        names = [json.dumps(f"{cell.sample_prefix}{index}", ensure_ascii=False).encode() for index in indices]
        lines = ((number, line) for number, line in whole_lines(path) if any(name in line[:NAMED_WITHIN] for name in names))
        found = [parse(line, RECORD, path, number) for number, line in lines]
        return {record.index: record for record in found if record.index in indices}

    def check(self, record: Record, number: int, cell: Cell, found: Container[int]) -> None:
        """Refuse a record of another cell, or of a sample that has one already.

        Raises:
            DamagedRun: it is one; the message names its line.
        """
        if record.cell != cell.id:
            raise DamagedRun(self.path / RECORDS, f"is of the cell {record.cell:.80}, not {cell.id}", number)
        if record.index in found:
            raise DamagedRun(self.path / RECORDS, f"repeats the sample {record.sample_id}", number)
        if record.sample_id != f"{cell.sample_prefix}{record.index}":
            raise DamagedRun(self.path / RECORDS, f"holds a sample of another cell, {record.sample_id:.80}", number)

    def _compare(self, path: Path, rows: int) -> None:
        """Refuse a file of records that holds more or fewer samples than DONE says."""
        done = self.done_rows()
        if done is not None and done > rows:
            raise DamagedRun(path, f"is missing: {DONE} counts {done} samples, the file holds {rows}", rows + 1)
        if done is not None and done < rows:
            raise DamagedRun(path, f"is one too many: {DONE} counts {done} samples, the file holds {rows}", done + 1)

    def trace(self, record: Record) -> Trace:
        """Read how the sample of a record was decoded.

        Raises:
            DamagedRun: the trace is damaged, or of another sample.
        """
        path = self.path / TRACES
        check_regular(path)
        try:
            with path.open("rb") as file:
                file.seek(record.trace.offset)
                line = file.read(record.trace.size)
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); check the folder and its permissions.") from error
        trace = parse(line, TRACE, path)
        if trace.sample_id != record.sample_id:
            raise DamagedRun(path, f"holds {trace.sample_id:.80} where {record.sample_id} should be")
        if trace.cell != record.cell:
            raise DamagedRun(path, f"holds {trace.sample_id:.80} of the cell {trace.cell:.80}, not of {record.cell}")
        return trace

    def begin(self, cell: Cell, backends: Mapping[str, str], prompt_hash: str, session: Session) -> None:
        """Write cell.json, or add the session of this call to the one on disk.

        Raises:
            UserError: the prompts or the metrics have changed since it was written, or the disk cannot be written.
        """
        path, before = self.path / CELL, tuple[Session, ...]()
        if self.begun:
            written = self.read()
            if written.prompt_hash != prompt_hash:
                found = for_message(written.prompt_hash)[:80]
                raise UserError(
                    f"the prompts of {cell.task} have changed since {path} was written ({found}); choose another folder."
                )
            if written.backends != backends:
                raise UserError(f"the metrics of {cell.task} have changed since {path} was written; choose another folder.")
            before = written.sessions
        else:
            with disk_errors(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
        session = replace(session, model=cleaned(session.model))
        self._write(
            CellFile(
                schema=SCHEMA,
                id=cell.id,
                cell=cell,
                backends=dict(backends),
                prompt_hash=prompt_hash,
                sessions=(*before, session),
            )
        )

    def _write(self, file: CellFile) -> None:
        write_bytes(self.path / CELL, CELL_FILE.dump_json(file, indent=2) + b"\n")

    @contextlib.contextmanager
    def writing(self, before: int, ends: int) -> Iterator[CellWriter]:
        """Open the cell for more samples: DONE is removed, and what a killed call left half-written is cut off.

        Args:
            before: samples that are on disk.
            ends: bytes of the traces that they refer to.
        """
        with disk_errors(self.path):
            (self.path / DONE).unlink(missing_ok=True)
        records, traces = self.path / RECORDS, self.path / TRACES
        keep = whole_bytes(records) if records.is_file() else 0
        with (
            contextlib.closing(Appender(records, keep)) as of_records,
            contextlib.closing(Appender(traces, ends)) as of_traces,
        ):
            yield CellWriter(of_records, of_traces, before)

    def finish(self, cell: Cell, expected: int, ended: str | None = None, added: int = 0, usage: Usage = NO_READING) -> None:
        """Compare what is on disk with what must be, write DONE, and close this call's session.

        Raises:
            DamagedRun: more or fewer samples are on disk than were there before and were written.
        """
        rows = len(self.records(cell))
        if rows != expected:
            raise DamagedRun(self.path / RECORDS, f"holds {rows} samples, where {expected} were read and written")
        if not self.is_done:
            write_bytes(self.path / DONE, DONE_FILE.dump_json(Done(SCHEMA, rows)) + b"\n")
        if ended is not None:
            self.end_session(ended, added, usage)

    def end_session(self, ended: str, added: int, usage: Usage = NO_READING) -> None:
        """Close this call's session, which added so many samples and used so much."""
        file = self.read()
        last = replace(file.sessions[-1], ended=ended, samples=added, usage=usage)
        self._write(replace(file, sessions=(*file.sessions[:-1], last)))


def trace_end(records: Sequence[Record]) -> int:
    """The number of bytes of the traces that records refer to."""
    return max((record.trace.offset + record.trace.size for record in records), default=0)
