"""A listener to the events of a run that hands every finished cell to a tracker's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record
from parallelbench.tracking.base import Tracker
from parallelbench.tracking.facts import cell_facts, finished_cells, run_facts
from parallelbench.tracking.sender import LONGEST_END, Sender
from parallelbench.tracking.sent import Sent, send_cell, send_end

Note = Callable[[str], None]


class TrackerListener:
    """Tells one tracker of a run; whatever goes wrong there is said once, and the run goes on.

    Args:
        spec: the tracker as the user named it.
        tracker: the tracker.
        out: the folder of the run.
        note: says something to the user.
        sender: the thread that sends.
    """

    def __init__(self, spec: str, tracker: Tracker, out: Path, note: Note, sender: Sender) -> None:
        self._spec, self._tracker, self._out, self._note, self._sender = spec, tracker, out, note, sender
        self._sent = Sent(out, tracker)
        self._said = False

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        """Open the run there."""
        self._sender.put(lambda: self._tracker.open(run_facts(self._out)))

    def cell_started(self, cell: Cell, missing: int) -> None:
        """Only finished cells are sent."""

    def sample_done(self, cell: Cell, record: Record) -> None:
        """Only finished cells are sent."""

    def cell_done(self, cell: Cell) -> None:
        """Send a finished cell; its files are read in the tracker's thread."""
        self._sender.put(partial(self._send_cell, cell.id))
        self._say()

    def note(self, text: str) -> None:
        """A remark is no result."""

    def end(self, files: Sequence[Path]) -> None:
        """Send the table of all finished cells and files, and wait for the tracker unless it has failed, hangs or is slow."""
        self._sender.put(partial(self._send_end, files))
        self._sender.end(LONGEST_END)
        self._say()

    @property
    def works(self) -> bool:
        """Whether everything so far was sent, or waits for a tracker that answers."""
        return not self._sender.failure and not self._sender.hangs

    def _send_cell(self, cell_id: str) -> None:
        send_cell(self._tracker, self._sent, cell_facts(self._out, cell_id))

    def _send_end(self, files: Sequence[Path]) -> None:
        send_end(self._tracker, self._sent, [cell_facts(self._out, one) for one in finished_cells(self._out)], files)

    def _say(self) -> None:
        """Say once that the tracker has failed, and how its results can be sent later."""
        if self._sender.failure and not self._said:
            self._said = True
            self._note(
                f"{self._spec.partition(':')[0]} gets nothing more ({self._sender.failure}); the run goes on, and "
                f"'parallelbench track {self._out} --to {self._spec}' sends everything later."
            )
