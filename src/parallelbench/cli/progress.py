"""Shows the progress of a run: as a live bar on a terminal, else as plain lines, for example in a log file."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from parallelbench.clean import for_terminal
from parallelbench.cli.terminal import note, say
from parallelbench.experiments.estimate import Estimate
from parallelbench.experiments.progress import Progress
from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record

EVERY = 60.0
"""The minimum time in seconds between two plain lines, so that the log of a run of days stays readable."""


@contextlib.contextmanager
def watching() -> Iterator[Progress]:
    """Yield the display: `LiveProgress` where stdout and stderr are both terminals, else `PlainProgress`, which uses stdout."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield PlainProgress()
        return
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}", markup=False),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield LiveProgress(bars)


class LiveProgress:
    """One bar that counts the samples of all cells and shows the task and decoder of the running cell."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._bar: TaskID = bars.add_task("planning", total=None, speed="")
        self._estimate = Estimate()

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        self._estimate.plan(missing)
        done = samples - self._estimate.total
        self._bars.update(self._bar, total=samples, completed=done, description=f"{len(missing)} cells")

    def cell_started(self, cell: Cell, missing: int) -> None:
        self._estimate.start(cell, missing)
        self._bars.update(self._bar, description=for_terminal(f"{cell.task}  {cell.decoder}"))

    def sample_done(self, cell: Cell, record: Record) -> None:
        self._estimate.sample(cell)
        self._bars.update(self._bar, advance=1, speed=self._estimate.text)

    def cell_done(self, cell: Cell) -> None:
        self._estimate.finish(cell)
        self._bars.refresh()

    def note(self, text: str) -> None:
        self._bars.console.print(for_terminal(f"note: {text}"), markup=False, highlight=False)


class PlainProgress:
    """Prints a line when a cell starts or a sample is done, at most one every `EVERY` seconds, and one for the last sample."""

    def __init__(self) -> None:
        self._estimate = Estimate()
        self._last = -EVERY

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        self._estimate.plan(missing)
        on_disk = samples - self._estimate.total
        say(f"{len(missing)} cells, {samples} samples" + (f", {on_disk} of them on disk" if on_disk else ""))

    def cell_started(self, cell: Cell, missing: int) -> None:
        self._estimate.start(cell, missing)
        self._print(f"{cell.model}  {cell.task}  {cell.decoder}: {missing} samples")

    def sample_done(self, cell: Cell, record: Record) -> None:
        self._estimate.sample(cell)
        self._print(f"{cell.model}  {cell.task}  {cell.decoder}", last=self._estimate.done == self._estimate.total)

    def cell_done(self, cell: Cell) -> None:
        self._estimate.finish(cell)  # nothing is printed here: `sample_done` has reported the cell's last sample

    def note(self, text: str) -> None:
        note(text)

    def _print(self, text: str, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._last >= EVERY:
            self._last = now
            say(f"[{self._estimate.done}/{self._estimate.total}] {text}  {self._estimate.text}".rstrip())
