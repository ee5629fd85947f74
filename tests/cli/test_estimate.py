"""The time that is left is estimated from whole cells, because samples of a batch finish together."""  # fault 33

from __future__ import annotations

from typing import cast

import pytest

from parallelbench.experiments.estimate import Estimate
from parallelbench.runs.cell import Cell


class Named:
    """A cell as far as an estimate looks at it."""

    def __init__(self, task: int, decoder: int) -> None:
        self.model, self.task, self.decoder = "tiny", f"task {task}", f"decoder {decoder}"


@pytest.mark.parametrize("samples", [20, 100, 1000])
def test_an_estimate_is_of_the_right_size_throughout(samples: int) -> None:
    """21 tasks with 16 decoders of very different cost, 64 samples in flight: two minutes that were once said to be 200."""
    now = 0.0
    estimate = Estimate(lambda: now)
    plan = [(cast(Cell, Named(task, decoder)), samples) for task in range(21) for decoder in range(16)]
    costs = {f"decoder {number}": 0.02 / (number + 1) for number in range(16)}
    whole = sum(costs[cell.decoder] * count for cell, count in plan)
    estimate.plan(plan)
    said = []
    for cell, count in plan:
        estimate.start(cell, count)
        for first in range(0, count, 64):
            batch = min(64, count - first)
            now += batch * costs[cell.decoder]
            for _ in range(batch):
                estimate.sample(cell)
                if (left := estimate.seconds_left) is not None:
                    said.append((now, left))
        estimate.finish(cell)
    assert estimate.done == estimate.total and estimate.seconds_left == 0
    assert all(left <= 12 * whole for _, left in said), "never absurd, not even at the start"
    later = [(at, left) for at, left in said if 0.1 * whole < at < 0.95 * whole]
    assert later and all(0.5 < left / (whole - at) < 2 for at, left in later)


def test_nothing_is_claimed_before_anything_is_known() -> None:
    now = 0.0
    estimate = Estimate(lambda: now)
    cell = cast(Cell, Named(0, 0))
    estimate.plan([(cell, 1000)])
    estimate.start(cell, 1000)
    assert estimate.seconds_left is None and estimate.text == ""
    now = 5.0
    estimate.sample(cell)
    assert estimate.seconds_left is None and estimate.text == "0.2 samples/s"


def test_what_is_on_disk_takes_no_time() -> None:
    estimate = Estimate(lambda: 0.0)
    estimate.plan([(cast(Cell, Named(0, 0)), 0)])
    assert (estimate.total, estimate.seconds_left) == (0, 0.0)


@pytest.mark.parametrize("workers", [2, 5])
def test_cells_that_run_at_once_are_divided_among_the_workers(workers: int) -> None:
    now = 0.0
    estimate = Estimate(lambda: now)
    plan = [(cast(Cell, Named(task, 0)), 40) for task in range(30)]
    estimate.plan(plan)
    said, rounds = [], -(-len(plan) // workers)
    for turn in range(rounds):
        part = plan[turn * workers : (turn + 1) * workers]
        for cell, count in part:
            estimate.start(cell, count)
        for _ in range(40):
            now += 0.1
            for cell, _ in part:
                estimate.sample(cell)
            if (left := estimate.seconds_left) is not None:
                said.append((now, left))
        for cell, _ in part:
            estimate.finish(cell)
    assert estimate.seconds_left == 0
    whole = rounds * 4.0
    later = [(at, left) for at, left in said if 0.2 * whole < at < 0.9 * whole]
    assert later and all(0.6 < left / (whole - at) < 1.6 for at, left in later)


def test_counting_costs_the_same_however_many_cells_there_are() -> None:
    """Each beginning and each end of a cell once looked at all cells to come, so that 42,345 cells took half an hour."""
    looked = 0

    class Counted(Named):
        @property
        def decoder(self) -> str:  # type: ignore[override]
            nonlocal looked
            looked += 1
            return "decoder"

        @decoder.setter
        def decoder(self, value: str) -> None:
            pass

    estimate = Estimate(lambda: 0.0)
    plan = [(cast(Cell, Counted(task, 0)), 2) for task in range(3000)]
    estimate.plan(plan)
    for cell, count in plan[:2000]:
        estimate.start(cell, count)
        estimate.sample(cell)
        estimate.sample(cell)
        estimate.finish(cell)
    assert estimate.seconds_left == 0 and looked < 4 * len(plan)
