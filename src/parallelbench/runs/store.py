"""A run on disk: `out/run.json` and `out/cells/<id>/{cell.json, records.jsonl, DONE}` (docs/records.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parallelbench.errors import UserError
from parallelbench.runs.cell import Cell, run_identity
from parallelbench.runs.disk import Appender, disk_errors, locked, write_json
from parallelbench.runs.disk import line_of as line_of
from parallelbench.runs.folder import CELL, CELLS, DONE, RECORDS, RUN, read_json
from parallelbench.runs.lines import read_lines, whole_bytes

SCHEMA = 1


class CellStore:
    """One cell's folder. Records are appended as they come; `finish` writes DONE, always last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = path / RECORDS

    def done_indices(self) -> set[int]:
        """Return the indices of the samples that are on disk.

        Raises:
            UserError: a record line is damaged.
        """
        return {row["index"] for row in read_lines(self.records)}

    def describe(self, cell: Cell, more: Mapping[str, Any], prompt_hash: str) -> None:
        """Write cell.json, or check that the one on disk was written for the same prompts and add to its provenance.

        Raises:
            UserError: the prompts have changed since, or the disk cannot be written.
        """
        path = self.path / CELL
        if not path.is_file():
            with disk_errors(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
            identity = {"schema": SCHEMA, "id": cell.id, **asdict(cell)}
            write_json(path, {**identity, **more, "prompt_hash": prompt_hash})
            return
        written = read_json(path)
        if written.get("prompt_hash") != prompt_hash:
            raise UserError(
                f"the prompts of {cell.task} have changed since {path} was written ({written.get('prompt_hash')}); "
                "choose another folder."
            )
        if "backends" in written and written["backends"] != more.get("backends"):
            raise UserError(f"the metrics of {cell.task} have changed since {path} was written; choose another folder.")
        write_json(path, {**written, "continued": [*written.get("continued", []), more["provenance"]]})

    @contextlib.contextmanager
    def writing(self) -> Iterator[Appender]:
        """Open the cell for more records: DONE is taken away, a torn last line is cut off."""
        with disk_errors(self.path):
            (self.path / DONE).unlink(missing_ok=True)
        appender = Appender(self.records, whole_bytes(self.records) if self.records.is_file() else 0)
        try:
            yield appender
        finally:
            appender.close()

    def finish(self, rows: int) -> None:
        """Write DONE with the number of records."""
        path = self.path / DONE
        if not path.is_file() or read_json(path).get("rows") != rows:
            write_json(path, {"rows": rows})


@dataclass(frozen=True, slots=True)
class RunStore:
    """A run's folder, locked by this process."""

    path: Path

    def cell(self, cell: Cell) -> CellStore:
        """Return the store of one cell."""
        return CellStore(self.path / CELLS / cell.id)


@contextlib.contextmanager
def open_run(out: Path, cell_ids: Sequence[str], facts: Mapping[str, Any]) -> Iterator[RunStore]:
    """Make or reopen the folder of a run, locked against other processes as long as the context lasts.

    Raises:
        UserError: the folder holds another run or other files, another process writes it, or it cannot be written.
    """
    check_folder(out, cell_ids)
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        check_folder(out, cell_ids)
        before = read_json(out / RUN) if (out / RUN).is_file() else {}
        now = {"schema": SCHEMA, "identity": run_identity(cell_ids), "cells": list(cell_ids), **facts}
        write_json(out / RUN, {**now, "created": before.get("created", facts["created"])})
        yield RunStore(out)


def check_folder(out: Path, cell_ids: Sequence[str]) -> None:
    """Refuse a folder that is not this run's; writes nothing.

    Raises:
        UserError: `out` is a file, holds another run, or holds files of something else.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give a folder with -o.")
    if (out / RUN).is_file():
        run = read_json(out / RUN, needs=("cells",))
        if run.get("schema") != SCHEMA:
            raise UserError(
                f"{out} was written by another version (schema {run.get('schema')}); choose another folder with -o."
            )
        begun = any((out / CELLS).glob(f"*/{RECORDS}"))
        if begun and run.get("identity") != run_identity(cell_ids):
            shared = len(set(run["cells"]) & set(cell_ids))
            raise UserError(
                f"{out} holds another run ({len(run['cells'])} cells, {shared} of them of this one); choose another -o."
            )
        return
    with disk_errors(out):
        foreign = sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) if out.exists() else []
    if foreign:
        raise UserError(f"{out} holds files that are no run ({foreign[0]}); choose another folder with -o.")
