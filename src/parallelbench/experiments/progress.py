"""What a run tells those who watch it, how the time that is left is estimated, and the bar of notebooks."""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record

SURE = 0.25
"""Part of a cell's samples after which its speed is taken for an estimate."""
APART = 0.3
"""Part of a cell's time that must lie between its first sample and now for its speed to mean anything."""


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


class Estimate:
    """Counts samples and estimates the time that is left.

    Samples of a batch finish together, so the speed within a cell's first batch says nothing. The estimate is made of finished
    cells: a cell that is still to come is expected to take as long per sample as the median of the finished cells of its model
    and decoder, else of all finished cells. The running cell's speed counts once a quarter of its samples are there and they
    did not come all at once; before any cell has finished and that holds, there is no estimate.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.done = self.total = 0
        self._clock = clock
        self._begun = self._cell_begun = self._first_sample = clock()
        self._left: deque[tuple[Cell, int]] = deque()
        self._cell: Cell | None = None
        self._in_cell = self._of_cell = 0
        self._costs: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._usual: float | None = None
        self._rest: float | None = None
        """Seconds that the cells to come will take by finished cells; None where none has finished."""

    def plan(self, missing: Sequence[tuple[Cell, int]]) -> None:
        """Begin a run of these cells."""
        self._left = deque((cell, count) for cell, count in missing if count)
        self.total = sum(count for _, count in self._left)
        self._begun = self._clock()

    def start(self, cell: Cell, missing: int) -> None:
        """Begin a cell."""
        if self._left:
            self._left.popleft()
        self._cell, self._of_cell, self._in_cell = cell, missing, 0
        self._cell_begun = self._clock()
        self._expect()

    def sample(self) -> None:
        """Count a sample."""
        self.done += 1
        self._in_cell += 1
        if self._in_cell == 1:
            self._first_sample = self._clock()

    def finish(self) -> None:
        """End the cell that was begun last."""
        if self._cell is not None and self._in_cell:
            self._costs[self._cell.model, self._cell.decoder].append((self._clock() - self._cell_begun) / self._in_cell)
        self._cell, self._of_cell, self._in_cell = None, 0, 0
        self._expect()

    def _expect(self) -> None:
        """Sum up what is to come, once a cell and not once a sample."""
        known = [cost for costs in self._costs.values() for cost in costs]
        self._usual = statistics.median(known) if known else None
        usual = self._usual
        self._rest = None if usual is None else sum(count * self._cost(cell, usual) for cell, count in self._left)

    def _cost(self, cell: Cell, usual: float) -> float:
        costs = self._costs.get((cell.model, cell.decoder))
        return statistics.median(costs) if costs else usual

    @property
    def seconds_left(self) -> float | None:
        """The estimate in seconds; None where nothing is known yet."""
        if self.done == self.total:
            return 0.0
        now = self._clock()
        elapsed, apart = now - self._cell_begun, now - self._first_sample
        trusted = self._in_cell > 0 and self._in_cell >= SURE * self._of_cell and apart >= APART * elapsed
        speed = elapsed / self._in_cell if trusted else None
        if self._rest is None or self._usual is None:
            return None if speed is None else speed * (self.total - self.done)
        if self._cell is None:
            return self._rest
        if speed is not None:
            return self._rest + speed * (self._of_cell - self._in_cell)
        return self._rest + max(0.0, self._cost(self._cell, self._usual) * self._of_cell - elapsed)

    @property
    def rate(self) -> float | None:
        """Samples a second since the run began; None before the first."""
        return self.done / max(self._clock() - self._begun, 1e-9) if self.done else None

    @property
    def text(self) -> str:
        """The speed so far and the time left, such as `12.3 samples/s, about 1:23 left`; empty before the first sample."""
        if (speed := self.rate) is None:
            return ""
        rate = f"{speed:.1f} samples/s"
        left = self.seconds_left
        if not left:
            return rate
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{rate}, about " + (f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}") + " left"


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
