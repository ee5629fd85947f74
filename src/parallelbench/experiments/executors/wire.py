"""The events of a worker as bytes. What comes back is checked as a file of a run is: kind, types, cell and sample."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from parallelbench.experiments.executors.events import CellOpened, SampleDone
from parallelbench.runs.border import MAX_BYTES, cleaned
from parallelbench.runs.records import RECORD, TRACE, line_of

OPENED = TypeAdapter(CellOpened)


class GarbageError(ValueError):
    """A worker reported something that is no event of its chunk."""


def encode(event: CellOpened | SampleDone) -> tuple[bytes, ...]:
    """Write an event as one line of JSON (opened) or two (a record and its trace).

    Raises:
        UserError: the sample holds what no reader could read.
    """
    if isinstance(event, CellOpened):
        return (OPENED.dump_json(replace(event, details=cleaned(event.details))),)
    return line_of(event.record), line_of(event.trace)


def decode(parts: Any, cell_id: str, prefix: str, left: Collection[int]) -> CellOpened | SampleDone:
    """Read an event of a worker that decodes the samples `left` of a cell, of which the names begin with `prefix`.

    Raises:
        GarbageError: it is no event, or one of another cell, of a sample outside its chunk, or of one that is done.
    """
    if not isinstance(parts, tuple) or not all(isinstance(part, bytes) and len(part) <= MAX_BYTES for part in parts):
        raise GarbageError("something that is no event")
    try:
        match parts:
            case (opened,):
                return _checked_opening(OPENED.validate_json(opened), cell_id)
            case (record, trace):
                event = SampleDone(RECORD.validate_json(record), TRACE.validate_json(trace))
                return _checked_sample(event, cell_id, prefix, left)
    except ValidationError as error:
        raise GarbageError(f"an event that is damaged: {error.errors(include_url=False)[0]['msg'][:80]}") from error
    raise GarbageError(f"an event of {len(parts)} parts")


def _checked_opening(event: CellOpened, cell_id: str) -> CellOpened:
    if event.cell_id != cell_id:
        raise GarbageError(f"the cell {event.cell_id[:20]} in the place of {cell_id}")
    return event


def _checked_sample(event: SampleDone, cell_id: str, prefix: str, left: Collection[int]) -> SampleDone:
    record, trace = event.record, event.trace
    if not record.cell == trace.cell == cell_id:
        raise GarbageError(f"a sample of the cell {record.cell[:20]} in the place of {cell_id}")
    if not record.sample_id == trace.sample_id == f"{prefix}{record.index}" or record.index not in left:
        raise GarbageError(f"the sample {record.sample_id[:80]}, which it was not to decode")
    return event
