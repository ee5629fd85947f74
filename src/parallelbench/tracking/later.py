"""Sends a whole run folder to a tracker, at any time after its cells are finished."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from parallelbench.errors import UserError
from parallelbench.tracking.base import Tracker
from parallelbench.tracking.facts import cell_facts, finished_cells, run_facts
from parallelbench.tracking.sender import Sender
from parallelbench.tracking.sent import Sent, send_cell, send_end

LONGEST = 6 * 3600.0
"""Seconds that sending a whole folder may take: the user waits for nothing else, and can stop it."""


def send_folder(
    out: Path, spec: str, tracker: Tracker, files: Sequence[Path], sender: Sender | None = None, again: bool = False
) -> int:
    """Send every finished cell of a folder, the table of all, and some files; return the number of cells.

    Sending again replaces what was sent, because the run has the same id. Rows of a tracker that can only add some are sent
    once, unless `again` is true.

    Raises:
        UserError: the folder holds no run, or the tracker fails, does not answer or takes too long.
        DamagedRun: a file is damaged.
    """
    run, cells = run_facts(out), [cell_facts(out, one) for one in finished_cells(out)]
    sender = sender or Sender(room=len(cells) + 10)
    sent = Sent(out, tracker, again)
    sender.put(lambda: tracker.open(run))
    for cell in cells:
        sender.put(partial(send_cell, tracker, sent, cell))
    sender.put(partial(send_end, tracker, sent, cells, files))
    sender.end(LONGEST)
    if sender.failure:
        raise UserError(f"{spec.partition(':')[0]} did not take the results ({sender.failure}); mend that and send them again.")
    return len(cells)
