"""Sends a whole run folder to a tracker, at any time after its cells are finished."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from parallelbench.errors import UserError
from parallelbench.tracking.base import Tracker
from parallelbench.tracking.facts import cell_facts, finished_cells, run_facts
from parallelbench.tracking.sender import Sender


def send_folder(out: Path, spec: str, tracker: Tracker, files: Sequence[Path], sender: Sender | None = None) -> int:
    """Send every finished cell of a folder, the table of all, and some files; return the number of cells.

    Sending again replaces what was sent, because the run has the same id.

    Raises:
        UserError: the folder holds no run, or the tracker fails or does not answer.
        DamagedRun: a file is damaged.
    """
    run, cells = run_facts(out), [cell_facts(out, one) for one in finished_cells(out)]
    sender = sender or Sender(room=len(cells) + 10)
    sender.put(lambda: tracker.open(run))
    for cell in cells:
        sender.put(partial(tracker.cell, cell))
    sender.put(lambda: tracker.close(cells, files))
    sender.end()
    if sender.failure:
        raise UserError(f"{spec.partition(':')[0]} did not take the results ({sender.failure}); mend that and send them again.")
    return len(cells)
