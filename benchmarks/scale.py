"""What workers of Ray gain, and what the driver costs. `python benchmarks/scale.py [--workers 2] [--limit 24] [--tasks ...]`

The first part runs one experiment with the local executor and with workers of Ray on this machine, compares the records, and
times both from the first finished sample to the end, so that imports, the start of Ray and the loading of models are left out.
On W cores the ratio can be 1/W at best. What is added: a chunk costs one forward that is charged to no sample, driver and Ray's
own processes take a part of a core, and at the end a worker may wait for another's last chunk. `cpu_ratio` is what processors
allow: the CPU seconds of all processes between the first and the last sample, divided by the number of workers, over those of
the local run. It holds on a machine with other work, too; `ratio`, of wall times, does not. What `ratio` is above `cpu_ratio`
on a quiet machine is time in which a worker waits, at the most `ray_asleep_s`.

The second part measures the driver alone. Workers that exist only in this process hand it finished records of a real shape, and
it checks and writes them as always: `driver_records_per_s`, for each second of its core. The same with one record in each
report gives a report's cost.

Where it ends: W workers that finish s samples a second each, and report twice a second, cost the driver W (s record + 2 report)
seconds in each second, with the measured cost of a record and of a report; at 1 it is full. `gpus_per_driver` is that W for the
s of `--samples-per-s`, with the 1 ms that Ray itself takes for a request added to each report.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parallelbench.api import run_sweep
from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.experiments.executors.events import CellOpened, CellTodo, Events, SampleDone
from parallelbench.experiments.executors.fleet import Progressed, Ready, Reply
from parallelbench.experiments.executors.placement import LOCAL, Placement
from parallelbench.experiments.executors.supervisor import Supervisor
from parallelbench.experiments.executors.wire import encode
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, plan
from parallelbench.experiments.progress import Silent
from parallelbench.experiments.run import run_cells
from parallelbench.experiments.spec import Sweep, load_sweep
from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Extent, Record
from parallelbench.runs.store import open_run
from parallelbench.schema import BatchSize
from processes import Reading, asleep_between, read_processes, spent_between
from runs import environment_of, record, trace

RAY_REQUEST_S = 1e-3


class Stopwatch(Silent):
    """When the first and the last sample of a run were finished, and what every process had taken of the CPU by then."""

    def __init__(self) -> None:
        self.first: Reading | None = None
        self.last: Reading | None = None
        self._left = 0

    def planned(self, missing: Sequence[tuple[Cell, int]], samples: int) -> None:
        self._left = sum(count for _, count in missing)

    def sample_done(self, cell: Cell, record: Record) -> None:
        self._left -= 1
        if self.first is None:
            self.first = read_processes()
        if not self._left:
            self.last = read_processes()

    def figures(self) -> dict[str, Any]:
        """Seconds from the first to the last sample, those of processors, and those in which workers waited for the driver."""
        if self.first is None or self.last is None:
            raise RuntimeError("the run was not finished")
        first, last = self.first, self.last
        return {"s": round(last.at - first.at, 2), "cpu_s": spent_between(first, last), "asleep_s": asleep_between(first, last)}


def digest(out: Path) -> str:
    """A hash of all records and traces of a run, whatever their order, without the seconds."""
    found = []
    for path in sorted(out.glob("cells/*/records.jsonl")):
        traces = path.with_name("traces.jsonl").read_bytes()
        for line in path.read_bytes().splitlines():
            row = json.loads(line)
            del row["seconds"]
            extent = row.pop("trace")
            text = json.dumps(row, sort_keys=True).encode() + traces[extent["offset"] : extent["offset"] + extent["size"]]
            found.append(hashlib.sha256(text).digest())
    return hashlib.sha256(b"".join(sorted(found))).hexdigest()[:16]


def compare(sweep: Sweep, workers: int) -> dict[str, Any]:
    """Run a sweep with both executors, one after the other, and compare records and times."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, placement in (
            ("local", LOCAL),
            ("ray", Placement.model_validate({"executor": "ray", "workers": workers})),
        ):
            watch, out, begun = Stopwatch(), Path(folder) / name, time.perf_counter()
            results = run_sweep(sweep, out, watch, placement)
            whole = time.perf_counter() - begun
            samples = sum(row.samples for row in results.rows)
            figures = watch.figures()
            found |= {"samples": samples, f"{name}_whole_s": round(whole, 2), f"{name}_records": digest(out)}
            found |= {f"{name}_{key}": value for key, value in figures.items()}
            print(f"{name}: {samples} samples in {figures['s']:.1f} s, {whole:.1f} s with its start")
            print(f"{name}: CPU seconds {figures['cpu_s']}, workers waited for the driver {figures['asleep_s']}", flush=True)
    found["same_records"] = found.pop("local_records") == found.pop("ray_records")
    found["cpu_ratio"] = round(sum(found["ray_cpu_s"].values()) / workers / sum(found["local_cpu_s"].values()), 3)
    return {**found, "ratio": round(found["ray_s"] / found["local_s"], 3), "workers": workers}


class Instant:
    """A fleet whose workers have every sample at once."""

    def __init__(self, events: dict[str, dict[int, tuple[bytes, ...]]], per_report: int) -> None:
        self._events, self._per_report = events, per_report
        self._replies: list[Reply] = []
        self._chunks = defaultdict[int, deque[tuple[str, list[int], bool]]](deque)
        """By worker, the cells, what is left of each, and whether it is still to be opened."""
        self.reports = 0

    def start(self, number: int, batch_size: BatchSize) -> None:
        self._replies.append(Ready(number, "here", environment_of()))

    def proceed(self, number: int, chunk: Chunk | None = None) -> None:
        self.reports += 1
        chunks = self._chunks[number]
        if chunk is not None:
            chunks.append((chunk.cell_id, list(chunk.indices), True))
        if not chunks:
            self._replies.append(Progressed(number, (), False))
            return
        cell_id, left, fresh = chunks.popleft()
        if fresh:
            chunks.appendleft((cell_id, left, False))
            self._replies.append(Progressed(number, (encode(CellOpened(cell_id, "cpu", {}, "0" * 16, {})),), False))
            return
        part, rest = left[: self._per_report], left[self._per_report :]
        if rest:
            chunks.appendleft((cell_id, rest, False))
        self._replies.append(Progressed(number, tuple(self._events[cell_id][index] for index in part), not rest))

    def stop(self, number: int) -> None:
        raise AssertionError("no worker ends here")

    def wait(self, seconds: float) -> list[Reply]:
        replies, self._replies = self._replies, []
        return replies

    def close(self) -> None: ...


class Prepared:
    """An executor over instant workers."""

    def __init__(self, fleet: Instant, workers: int) -> None:
        self._supervisor = Supervisor(fleet, workers, 64, 60.0, environment_of())

    def execute(self, todo: Sequence[CellTodo]) -> Events:
        return self._supervisor.execute(todo)


def driver(works: list[PlannedCell], per_report: int) -> tuple[float, int, int]:
    """CPU seconds that the driver takes for all samples of some cells, the samples, and the reports."""
    import random

    draws = random.Random(0)
    events = {
        work.cell.id: {
            index: encode(SampleDone(record(work, index, 16, Extent(0, 0), draws), trace(work, index, 16)))
            for index in work.indices
        }
        for work in works
    }
    fleet = Instant(events, per_report)
    counts = {work.cell.id: len(work.indices) for work in works}
    with tempfile.TemporaryDirectory() as folder, open_run(Path(folder) / "out", counts, [], {}, environment_of()) as store:
        start = time.process_time()
        run_cells(works, store, Prepared(fleet, 4), "auto", Silent())
        return time.process_time() - start, sum(counts.values()), fleet.reports


def driver_costs(samples: int, samples_per_s: float) -> dict[str, float]:
    """The driver's cost of a record and of a report, and how many GPUs of a given speed that is enough for."""
    sweep = Sweep.model_validate(
        {"models": "exact", "tasks": f"waiting_line/copy:samples={samples}", "decoders": "threshold:gamma=[0.8,0.9]"}
    )
    works = plan(sweep, ModelPool())
    many_s, records, many = driver(works, 64)
    single_s, _, single = driver(works, 1)
    report = max(0.0, (single_s - many_s) / (single - many))
    each = (many_s - many * report) / records
    gpus = 1 / (samples_per_s * each + 2 * (report + RAY_REQUEST_S))
    print(f"driver: {records / many_s:.0f} records a second; {each * 1e6:.0f} us a record, {report * 1e6:.0f} us a report")
    print(f"one driver is enough for {gpus:.0f} GPUs that finish {samples_per_s:g} samples a second each")
    return {
        "driver_records_per_s": round(records / many_s),
        "record_us": round(each * 1e6),
        "report_us": round(report * 1e6),
        "gpus_per_driver": round(gpus),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--experiment", default="decoders_exact")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--tasks", nargs="*", help="these tasks in the place of those of the experiment")
    parser.add_argument("--driver-samples", type=int, default=5000, help="samples of each of two cells; 0: not the driver")
    parser.add_argument("--driver-only", action="store_true")
    parser.add_argument("--samples-per-s", type=float, default=20.0, help="what one GPU finishes in a second")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found: dict[str, Any] = {}
    if not options.driver_only:
        changed = {"limit": options.limit} | ({"tasks": tuple(options.tasks)} if options.tasks else {})
        found |= compare(load_sweep(options.experiment).model_copy(update=changed), options.workers)
    if options.driver_samples:
        found |= driver_costs(options.driver_samples, options.samples_per_s)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
