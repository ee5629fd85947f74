"""Whatever workers do, each sample is passed on once: as a record, or as one that could not be decoded."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import ENVIRONMENT, Faults, Simulated, cells, sample

from parallelbench.errors import UserError
from parallelbench.experiments.executors.chunks import LARGEST, SMALLEST, Chunk
from parallelbench.experiments.executors.events import CellStarted, CellTodo, Event, Remark, SampleDone, SampleFailed
from parallelbench.experiments.executors.fleet import Progressed, Reply
from parallelbench.experiments.executors.supervisor import Supervisor
from parallelbench.experiments.executors.wire import encode
from parallelbench.schema import BatchSize

RATES = st.sampled_from([0.0, 0.02, 0.1])


def run(
    todo: list[CellTodo], faults: Faults, workers: int = 2, seed: int = 0, batch_size: BatchSize = 64
) -> tuple[Simulated, list[Event]]:
    fleet = Simulated(todo, faults, seed)
    supervisor = Supervisor(fleet, workers, batch_size, 60.0, ENVIRONMENT, fleet.clock)
    events = list(supervisor.execute(todo))
    assert fleet.closed
    return fleet, events


def outcome(events: list[Event]) -> tuple[Counter[tuple[str, int]], Counter[tuple[str, int]]]:
    done = Counter((one.record.cell, one.record.index) for one in events if isinstance(one, SampleDone))
    return done, Counter((one.cell_id, one.index) for one in events if isinstance(one, SampleFailed))


def wanted(todo: list[CellTodo]) -> Counter[tuple[str, int]]:
    return Counter((one.work.cell.id, index) for one in todo for index in one.missing)


@settings(max_examples=12, deadline=None)
@given(
    samples=st.lists(st.sampled_from([1, 3, 24, 70]), min_size=1, max_size=4),
    workers=st.integers(1, 5),
    rates=st.tuples(RATES, RATES, RATES, RATES),
    models=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_no_sample_is_lost_or_passed_on_twice(
    samples: list[int], workers: int, rates: tuple[float, float, float, float], models: int, seed: int
) -> None:
    todo = cells(samples, models)
    dies, hangs, garbage, memory = rates
    _, events = run(todo, Faults(dies=dies, hangs=hangs, garbage=garbage, memory=memory), workers, seed)
    done, failed = outcome(events)
    assert done + failed == wanted(todo)


@pytest.mark.parametrize("poison", [{0}, {17, 18}, {5, 40, 90}])
def test_a_sample_that_ends_its_worker_is_found_and_the_others_are_decoded(poison: set[int]) -> None:
    todo = cells([100, 100])
    bad = frozenset(todo[0].missing[place] for place in poison)
    fleet, events = run(todo, Faults(poison=bad))
    done, failed = outcome(events)
    assert {index for _, index in failed} == bad and done + failed == wanted(todo)
    tried = Counter(index for _, _, chunk in fleet.chunks for index in chunk.indices if chunk.cell_id == todo[0].work.cell.id)
    assert all(tried[index] == 4 for index in bad), "once, and three times more"


def test_a_hanging_worker_is_replaced() -> None:
    todo = cells([40])
    fleet, events = run(todo, Faults(hangs=0.2), workers=1, seed=3)
    done, failed = outcome(events)
    assert not failed and done == wanted(todo) and fleet.now > 60


def test_out_of_memory_halves_the_batch_of_that_worker() -> None:
    todo = cells([400])
    fleet, events = run(todo, Faults(memory=0.05), workers=3, seed=1)
    assert not outcome(events)[1]
    assert min(size for size in fleet.batch.values() if size != "auto") <= 32
    assert any(isinstance(one, Remark) and "ran out of memory" in one.text for one in events)


def test_a_machine_that_leaves_and_comes_back_is_used_again() -> None:
    todo = cells([600])
    fleet, events = run(todo, Faults(absent={1: 30.0}), workers=2)
    assert outcome(events)[0] == wanted(todo)
    assert {number for at, number, _ in fleet.chunks if at < 30} == {0} and 1 in {number for _, number, _ in fleet.chunks}


def test_workers_that_never_load_the_model_end_the_run_in_one_sentence() -> None:
    with pytest.raises(UserError, match=r"8 workers ended one after another .*it died while loading.*same command continues"):
        run(cells([40]), Faults(dies_loading=1.0))


def test_no_machine_at_all_ends_the_run_in_one_sentence() -> None:
    with pytest.raises(UserError, match="no worker has started within 600 s"):
        run(cells([40]), Faults(absent={0: 1e6, 1: 1e6}))


def test_a_model_is_loaded_once_for_each_worker_at_most_and_short_cells_stay_whole() -> None:
    todo = cells([24] * 40, models=4)
    fleet, events = run(todo, Faults(), workers=4)
    assert outcome(events)[0] == wanted(todo)
    assert max(Counter(fleet.loads).values()) <= 2 and len(fleet.loads) <= 6
    first = [chunk for _, _, chunk in fleet.chunks[:20]]
    assert all(len(chunk.indices) == 24 for chunk in first)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_long_cells_are_divided_and_the_last_chunks_are_small(workers: int) -> None:
    todo = cells([1200])
    fleet, _ = run(todo, Faults(), workers)
    sizes = [len(chunk.indices) for _, _, chunk in fleet.chunks]
    assert sizes[0] == max(sizes) <= LARGEST
    assert SMALLEST <= sizes[-1] < 2 * SMALLEST
    ends = {number: at + 0.1 * len(chunk.indices) for at, number, chunk in fleet.chunks}
    assert max(ends.values()) - min(ends.values()) < 3, "no worker idles at the end"


class Slow(Simulated):
    """A fleet whose driver takes a fifth of a second for each reply that it reads."""

    def wait(self, seconds: float) -> list[Reply]:
        replies = super().wait(seconds)
        self.now += 0.2 * len(replies)
        return replies


@pytest.mark.parametrize("samples", [[24] * 40, [400], [6] * 100])
def test_a_worker_does_not_wait_for_the_driver(samples: list[int]) -> None:
    """Once the model is loaded: a worker holds the chunk that comes next, and a request more than it works at."""
    todo = cells(samples)
    fleet = Slow(todo, Faults(), per_report=8)
    events = list(Supervisor(fleet, 1, 64, 60.0, ENVIRONMENT, fleet.clock).execute(todo))
    assert outcome(events)[0] == wanted(todo)
    decoding = 0.1 * sum(samples)
    assert fleet.free[0] - 11 < 1.1 * decoding, "11 s to start and to load the model"


def test_a_cell_begins_when_its_first_chunk_is_next() -> None:
    """So that the estimate of the time that is left counts the cells that run, and not those that wait in a worker."""
    todo = cells([24] * 10)
    _, events = run(todo, Faults(), workers=1)
    running = most = 0
    left = Counter({one.work.cell.id: len(one.missing) for one in todo})
    for event in events:
        if isinstance(event, CellStarted):
            running += 1
        elif isinstance(event, SampleDone):
            left[event.record.cell] -= 1
            running -= not left[event.record.cell]
        most = max(most, running)
    assert most == 1


def test_a_sample_of_a_cell_that_is_not_open_is_garbage() -> None:
    todo = cells([24])
    early = [True]

    class Early(Simulated):
        def _open(self, number: int, chunk: Chunk) -> None:
            super()._open(number, chunk)
            if early:
                early.pop()
                at, _, _ = self.replies.pop()
                self.replies.append((at, number, Progressed(number, (encode(sample(todo[0], chunk.indices[0])),), False)))

    fleet = Early(todo, Faults())
    events = list(Supervisor(fleet, 1, 64, 60.0, ENVIRONMENT, fleet.clock).execute(todo))
    assert outcome(events)[0] == wanted(todo)
    assert any(isinstance(one, Remark) and "a sample of a cell that it has not opened" in one.text for one in events)
