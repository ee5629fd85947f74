"""How long the rest of a run takes, estimated from the cells that have finished and those that are running."""

from __future__ import annotations

import statistics
import time
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parallelbench.runs.cell import Cell

SURE = 0.25
"""Part of a cell's samples after which its speed is taken for an estimate."""
APART = 0.3
"""Part of a cell's time that must lie between its first sample and now for its speed to mean anything."""
Kind = tuple[str, str]
"""Model and decoder: cells of one kind are expected to take as long for a sample."""


@dataclass(slots=True)
class _Running:
    """A cell that is decoded: its missing samples, how many are done, and when it began and had its first."""

    cell: Cell
    missing: int
    begun: float
    done: int = 0
    first: float = 0.0


class Estimate:
    """Counts samples and estimates the time that is left. Several cells may run at once, and take turns in finishing samples.

    Samples of a batch finish together, so the speed within a cell's first batch says nothing. The estimate is made of finished
    cells: a cell that is still to come is expected to take as long per sample as the median of the finished cells of its model
    and decoder, else of all finished cells. A running cell's speed counts once a quarter of its samples are there and they
    did not come all at once; before any cell has finished and that holds, there is no estimate. What is to come is divided by
    the largest number of cells that ran at once.

    Counting costs the same however many cells there are; an estimate takes time for each pair of a model and a decoder.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.done = self.total = 0
        self._clock = clock
        self._begun = clock()
        self._to_come: dict[int, tuple[Cell, int]] = {}
        self._samples: Counter[Kind] = Counter()
        """The samples of the cells to come."""
        self._running: dict[int, _Running] = {}
        self._width = 1
        self._costs: dict[Kind, list[float]] = defaultdict(list)
        """The seconds a sample of the finished cells, in ascending order, as are those of all kinds together."""
        self._all_costs: list[float] = []
        self._rest: float | None = None
        """Seconds that the cells to come take one after another; None after a cell has begun or ended."""

    def plan(self, missing: Sequence[tuple[Cell, int]]) -> None:
        """Begin a run of these cells."""
        self._to_come = {id(cell): (cell, count) for cell, count in missing if count}
        for cell, count in self._to_come.values():
            self._samples[_kind(cell)] += count
        self.total = self._samples.total()
        self._begun = self._clock()

    def start(self, cell: Cell, missing: int) -> None:
        """Begin a cell."""
        _, count = self._to_come.pop(id(cell), (cell, 0))
        self._samples[_kind(cell)] -= count
        self._rest = None
        self._running[id(cell)] = _Running(cell, missing, self._clock())
        self._width = max(self._width, len(self._running))

    def sample(self, cell: Cell) -> None:
        """Count a sample of a running cell."""
        self.done += 1
        running = self._running[id(cell)]
        running.done += 1
        if running.done == 1:
            running.first = self._clock()

    def finish(self, cell: Cell) -> None:
        """End a cell."""
        running = self._running.pop(id(cell))
        if running.done:
            cost = (self._clock() - running.begun) / running.done
            insort(self._costs[_kind(cell)], cost)
            insort(self._all_costs, cost)
            self._rest = None

    def _cost(self, kind: Kind) -> float:
        """Seconds a sample of a cell that has not finished, where any cell has."""
        return _median(self._costs.get(kind) or self._all_costs)

    @property
    def seconds_left(self) -> float | None:
        """The estimate in seconds; None where nothing is known yet."""
        if self.done == self.total:
            return 0.0
        now = self._clock()
        speeds = [(running, self._speed(running, now)) for running in self._running.values()]
        if not self._all_costs:
            known = [speed for _, speed in speeds if speed is not None]
            return statistics.mean(known) * (self.total - self.done) / self._width if known else None
        each = [
            speed * (running.missing - running.done)
            if speed is not None
            else max(0.0, self._cost(_kind(running.cell)) * running.missing - (now - running.begun))
            for running, speed in speeds
        ]
        if self._rest is None:
            self._rest = sum(count * self._cost(kind) for kind, count in self._samples.items() if count)
        return max((self._rest + sum(each)) / self._width, max(each, default=0.0))

    @staticmethod
    def _speed(running: _Running, now: float) -> float | None:
        """Seconds a sample of a running cell, where enough of it is there."""
        elapsed, apart = now - running.begun, now - running.first
        trusted = running.done > 0 and running.done >= SURE * running.missing and apart >= APART * elapsed
        return elapsed / running.done if trusted else None

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


def _kind(cell: Cell) -> Kind:
    return cell.model, cell.decoder


def _median(ascending: Sequence[float]) -> float:
    """The median, without sorting once more what is in order; there may be a cost for each of 100,000 cells."""
    middle = len(ascending) // 2
    return ascending[middle] if len(ascending) % 2 else (ascending[middle - 1] + ascending[middle]) / 2
