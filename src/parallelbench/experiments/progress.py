"""What a run tells whoever watches it."""

from __future__ import annotations

from typing import Protocol

from parallelbench.runs.cell import Cell


class Progress(Protocol):
    """Told of a run as it goes; see `cli.progress` for the two that a terminal and a log file get."""

    def planned(self, cells: int, samples: int, missing: int) -> None:
        """The run has so many cells and samples, of which some are missing on disk."""

    def cell_started(self, cell: Cell, missing: int) -> None:
        """A cell begins to decode its missing samples."""

    def sample_done(self, cell: Cell) -> None:
        """One more sample is on disk."""

    def cell_done(self, cell: Cell) -> None:
        """All samples of a cell are on disk."""

    def note(self, text: str) -> None:
        """Something that the user should know, in one sentence."""


class Silent:
    """Tells nothing."""

    def planned(self, cells: int, samples: int, missing: int) -> None:
        """Nothing is said."""

    def cell_started(self, cell: Cell, missing: int) -> None:
        """Nothing is said."""

    def sample_done(self, cell: Cell) -> None:
        """Nothing is said."""

    def cell_done(self, cell: Cell) -> None:
        """Nothing is said."""

    def note(self, text: str) -> None:
        """Nothing is said."""
