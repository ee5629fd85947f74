"""Trackers of a run: they are checked before the run, listen to it, and get its report at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from parallelbench.errors import UserError
from parallelbench.tracking import load
from parallelbench.tracking.listener import TrackerListener
from parallelbench.tracking.sender import Sender

Note = Callable[[str], None]


@contextlib.contextmanager
def tracked(specs: Sequence[str], out: Path, note: Note) -> Iterator[list[TrackerListener]]:
    """Yield a listener for each tracker; after a run that went well they also get its report.

    Raises:
        UserError: a tracker is unknown, its package is not installed, or its key is not in the environment.
    """
    trackers = [(spec, load.load_tracker(spec)) for spec in dict.fromkeys(specs)]
    listeners = [TrackerListener(spec, tracker, out, note, Sender()) for spec, tracker in trackers]
    files: list[Path] = []
    try:
        yield listeners
        files = report_files(out, note) if any(one.works for one in listeners) else []
    finally:
        for one in listeners:
            one.end(files)


def report_files(out: Path, note: Note) -> list[Path]:
    """Write the report of a run and return it with the file of all means; a report that cannot be written is said."""
    from parallelbench.report import write_report  # slow to import, and not needed where a run has no tracker
    from parallelbench.runs.folder import SUMMARY

    files = [path for path in (out / SUMMARY,) if path.is_file()]
    try:
        return [write_report(out), *files]
    except UserError as error:
        note(f"the trackers get no report; {error}")
        return files
