"""What a run tells those who watch it, and the bar of notebooks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Protocol

from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record


class Progress(Protocol):
    """Told of a run as it goes. `cli.progress` has the displays of a terminal and of a log file, `NotebookBar` is here."""

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        """The run has these cells, each with the samples that are missing on disk, and so many samples in all."""

    def cell_started(self, cell: Cell, missing: int) -> None:
        """A cell begins to decode its missing samples."""

    def sample_done(self, cell: Cell, record: Record) -> None:
        """One more sample is on disk, with this record."""

    def cell_done(self, cell: Cell) -> None:
        """All samples of a cell are on disk."""

    def note(self, text: str) -> None:
        """Something that the user should know, in one sentence."""


class Silent:
    """Tells nothing."""

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        """Nothing is said."""

    def cell_started(self, cell: Cell, missing: int) -> None:
        """Nothing is said."""

    def sample_done(self, cell: Cell, record: Record) -> None:
        """Nothing is said."""

    def cell_done(self, cell: Cell) -> None:
        """Nothing is said."""

    def note(self, text: str) -> None:
        """Nothing is said."""


class NotebookBar:
    """A tqdm bar over all samples, for notebooks and for scripts on a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        from tqdm import tqdm

        done = samples - sum(count for _, count in missing)
        self._bar = tqdm(total=samples, initial=done, unit="sample", file=sys.stderr, leave=True)

    def cell_started(self, cell: Cell, missing: int) -> None:
        self._bar.set_description(f"{cell.task} {cell.decoder}"[:60])

    def sample_done(self, cell: Cell, record: Record) -> None:
        self._bar.update()
        if self._bar.n >= self._bar.total:
            self._bar.close()

    def cell_done(self, cell: Cell) -> None:
        self._bar.refresh()

    def note(self, text: str) -> None:
        self._bar.write(f"note: {text}", file=sys.stderr)


def usual_progress() -> Progress:
    """Return a bar in a notebook and where stderr is a terminal, else silence."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    notebook = type(shell).__name__ == "ZMQInteractiveShell"
    return NotebookBar() if notebook or sys.stderr.isatty() else Silent()
