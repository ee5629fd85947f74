"""What a tracker has been sent from a run folder, kept in the folder: a row that cannot be replaced there is sent once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from parallelbench.runs.border import DamagedRun, read_json
from parallelbench.runs.cell import short_hash
from parallelbench.runs.disk import disk_errors, write_bytes
from parallelbench.tracking.base import CellFacts, Tracker

FOLDER = "trackers"
TABLE = "table"
FILE: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


class Sent:
    """The rows that a tracker has, by a hash of each. A file that cannot be read counts as none, so that nothing is lost.

    Args:
        out: the run folder.
        tracker: the tracker; `Tracker.place` names the file.
        again: send everything as if nothing had been sent.
    """

    def __init__(self, out: Path, tracker: Tracker, again: bool = False) -> None:
        self._path = out / FOLDER / f"{tracker.place.partition(' ')[0]}-{short_hash(tracker.place)}.json"
        self._rows: dict[str, str] = {}
        if not again and self._path.is_file():
            with suppress(DamagedRun):
                self._rows = read_json(self._path, FILE)

    def holds(self, key: str, row: Any) -> bool:
        """Whether the row under this key was sent as it is now."""
        return self._rows.get(key) == short_hash(row)

    def add(self, key: str, row: Any) -> None:
        """Remember a row that was sent.

        Raises:
            UserError: the folder cannot be written.
        """
        self._rows[key] = short_hash(row)
        with disk_errors(self._path):
            self._path.parent.mkdir(exist_ok=True)
        write_bytes(self._path, FILE.dump_json(self._rows, indent=2) + b"\n")


def send_cell(tracker: Tracker, sent: Sent, cell: CellFacts) -> None:
    """Send a finished cell, and remember it."""
    tracker.cell(cell, known=sent.holds(cell.id, asdict(cell)))
    sent.add(cell.id, asdict(cell))


def send_end(tracker: Tracker, sent: Sent, cells: Sequence[CellFacts], files: Sequence[Path]) -> None:
    """Send the table of all finished cells and files, and remember the table."""
    table = [asdict(cell) for cell in cells]
    tracker.close(cells, files, known=sent.holds(TABLE, table))
    sent.add(TABLE, table)
