"""Samples that could not be decoded: a file of lines in a cell's folder, which every call adds to. They are no records."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from parallelbench.runs.border import SCHEMA, STRICT, Schema
from parallelbench.runs.calls import call_files
from parallelbench.runs.disk import Appender
from parallelbench.runs.json_lines import read_lines, whole_bytes
from parallelbench.runs.records import Count

UNDECODED = "undecoded.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecoded:
    """One sample that a call gave up. A later call tries it again, and then it has a record.

    Attributes:
        cell: the id of its cell.
        call: the number of the call.
        reason: why the last attempt ended.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema = SCHEMA
    cell: str
    sample_id: str
    index: Count
    call: int
    reason: str


LINE = TypeAdapter(Undecoded)


def append_undecoded(folder: Path, sample: Undecoded) -> None:
    """Add a sample to the file of its cell.

    Raises:
        UserError: the disk cannot be written.
    """
    path = folder / UNDECODED
    with contextlib.closing(Appender(path, whole_bytes(path) if path.is_file() else 0)) as file:
        file.append(LINE.dump_json(sample) + b"\n")


def undecoded_of_last_call(out: Path) -> list[Undecoded]:
    """Return the samples that the latest call on a run folder gave up, cell by cell.

    Raises:
        DamagedRun: a line is damaged.
    """
    calls = call_files(out)
    if not calls:
        return []
    paths = sorted(out.glob(f"cells/*/{UNDECODED}"))
    return [sample for path in paths for sample in read_undecoded(path.parent) if sample.call == int(calls[-1].stem)]


def read_undecoded(folder: Path) -> Sequence[Undecoded]:
    """Read the samples that calls gave up in a cell, the earliest first; a sample that was given up twice is named twice.

    Raises:
        DamagedRun: a line is damaged.
    """
    path = folder / UNDECODED
    return [sample for _, sample in read_lines(path, LINE)] if path.is_file() else []
