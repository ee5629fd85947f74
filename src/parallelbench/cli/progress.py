"""How a run is shown as it goes: a live bar on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from parallelbench.experiments.progress import Progress
from parallelbench.runs.cell import Cell

EVERY = 3.0
"""Least seconds between two plain lines."""


@contextlib.contextmanager
def watching() -> Iterator[Progress]:
    """Choose the display: live where stdout and stderr are terminals, else plain lines on stdout."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield Lines()
        return
    rate = TextColumn("{task.fields[rate]}")
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Live(bars)


class Live:
    """One bar over all samples, named after the cell that runs."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._bar: TaskID = bars.add_task("planning", total=None, rate="")
        self._pace = Pace()

    def planned(self, cells: int, samples: int, missing: int) -> None:
        self._pace = Pace()
        self._bars.update(self._bar, total=samples, completed=samples - missing, description=f"{cells} cells")

    def cell_started(self, cell: Cell, missing: int) -> None:
        self._bars.update(self._bar, description=f"{cell.task}  {cell.decoder}")

    def sample_done(self, cell: Cell) -> None:
        self._pace.done += 1
        self._bars.update(self._bar, advance=1, rate=self._pace.text)

    def cell_done(self, cell: Cell) -> None:
        self._bars.refresh()

    def note(self, text: str) -> None:
        self._bars.console.print(f"note: {text}", markup=False)


class Lines:
    """One line as a cell starts, at most every few seconds, and one at the end."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._cells = self._started = self._missing = 0
        self._last = -EVERY

    def planned(self, cells: int, samples: int, missing: int) -> None:
        self._cells, self._missing, self._pace = cells, missing, Pace()
        kept = f", {samples - missing} of them on disk" if missing < samples else ""
        print(f"{cells} cells, {samples} samples{kept}", flush=True)

    def cell_started(self, cell: Cell, missing: int) -> None:
        self._started += 1
        self._say(f"{cell.model}  {cell.task}  {cell.decoder}: {missing} samples")

    def sample_done(self, cell: Cell) -> None:
        self._pace.done += 1
        self._say(f"{cell.model}  {cell.task}  {cell.decoder}", last=self._pace.done == self._missing)

    def cell_done(self, cell: Cell) -> None:
        """The last sample has said it."""

    def note(self, text: str) -> None:
        print(f"note: {text}", file=sys.stderr, flush=True)

    def _say(self, text: str, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._last >= EVERY:
            self._last = now
            left = self._pace.left(self._missing)
            print(f"[{self._pace.done}/{self._missing}] {text}  {self._pace.text}{left}".rstrip(), flush=True)


class Pace:
    """Samples done since the start of the run, as a rate and as time left."""

    def __init__(self) -> None:
        self.done = 0
        self._start = time.monotonic()

    @property
    def rate(self) -> float:
        """Samples per second."""
        return self.done / max(time.monotonic() - self._start, 1e-9)

    @property
    def text(self) -> str:
        return f"{self.rate:.1f} samples/s" if self.done else ""

    def left(self, total: int) -> str:
        """Time left, as ', 1:23 left'; nothing where it is not known or none is left."""
        if not 0 < self.done < total:
            return ""
        minutes, seconds = divmod(round((total - self.done) / self.rate), 60)
        return f", {minutes}:{seconds:02d} left"
