"""Many faults, at moments that nobody chose, with a real Ray: at the end the records are those of the local executor."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_ray import BUSY, DECODERS, LIMIT, TASKS, At, descendants, free_port, workers

from children import Child, command, limited
from parallelbench import run
from parallelbench.experiments.executors.orders import Order
from parallelbench.experiments.executors.placement import Placement
from parallelbench.experiments.executors.ray_cluster import QUIET, greets
from parallelbench.experiments.executors.ray_executor import RayExecutor
from parallelbench.experiments.executors.remote_worker import RemoteWorker, Report
from stored_records import lines, records

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), BUSY]
HERE = "--node-ip-address=127.0.0.1"
Rows = dict[str, list[dict[str, Any]]]


def placement(**options: Any) -> Placement:
    return Placement.model_validate({"executor": "ray", "workers": 2, **options})


def arguments(out: Path, *more: str) -> list[str]:
    given = ["run", "-m", "tiny", "--limit", str(LIMIT), "-o", str(out), "--batch-size", "4", "--executor", "ray"]
    return [*given, *(f"-t{task}" for task in TASKS), *(f"-d{decoder}" for decoder in DECODERS), *more]


def check(out: Path, wanted: Rows) -> None:
    assert records(out) == wanted
    assert len(list(out.glob("cells/*/DONE"))) == len(wanted) and not list(out.glob("cells/*/undecoded.jsonl"))


def test_workers_killed_at_thirty_random_moments(tmp_path: Path, ray_address: str, local_records: Rows) -> None:
    """A kill comes up to 8 s after some sample has finished since the last: while a worker starts, loads or decodes.

    Were kills faster than any progress, on a slow machine, the run would rightly give up.
    """
    draws, killed, stop = random.Random(5), list[int](), threading.Event()

    def written() -> int:
        return sum(lines(out) for out in tmp_path.iterdir())

    def kill() -> None:
        seen = 0
        while len(killed) < 30 and not stop.wait(0.2):
            if written() == seen:
                continue
            stop.wait(draws.uniform(0, 8))
            seen = written()
            if found := workers():
                killed.append(draws.choice(found))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    rounds = 0
    try:
        while len(killed) < 30:
            out = tmp_path / str(rounds)
            run("tiny", TASKS, DECODERS, limit=LIMIT, out=out, batch_size=4, executor=placement(), progress=False)
            run(
                "tiny", TASKS, DECODERS, limit=LIMIT, out=out, batch_size=4, progress=False
            )  # what was given up, if anything was
            assert records(out) == local_records
            rounds += 1
    finally:
        stop.set()
        thread.join()
    print(f"{len(killed)} workers killed in {rounds} runs")


def test_the_driver_killed_at_fifteen_random_moments(tmp_path: Path, ray_address: str, local_records: Rows) -> None:
    draws, killed, rounds = random.Random(6), 0, 0
    while killed < 15:
        out = tmp_path / str(rounds)
        rounds += 1
        while lines(out) < 4 * LIMIT - 8 and killed < 15:
            until, begun = lines(out) + draws.randint(0, 30), time.monotonic()
            driver = Child(command, *arguments(out, "--ray-address", ray_address))
            while driver.running and lines(out) <= until and time.monotonic() - begun < 60:
                time.sleep(0.005)
            if driver.running:
                driver.send(signal.SIGKILL)
                killed += 1
            driver.wait()
        run("tiny", TASKS, DECODERS, limit=LIMIT, out=out, batch_size=4, executor=placement(), progress=False)
        check(out, local_records)


def test_a_worker_that_hangs_is_replaced(tmp_path: Path, ray_address: str, local_records: Rows) -> None:
    def freeze() -> None:
        os.kill(workers()[0], signal.SIGSTOP)

    progress = At(sample_3=freeze)
    where = placement(worker_timeout=60)
    run("tiny", TASKS, DECODERS, limit=LIMIT, out=tmp_path / "out", batch_size=4, executor=where, progress=progress)
    check(tmp_path / "out", local_records)
    assert any("it finished no sample within 60 s" in note for note in progress.notes)


class Garbling(RemoteWorker):
    """Reports something else in one of four reports of samples."""

    def proceed(self, order: Order | None = None) -> Report:
        report = super().proceed(order)
        if not report.events or len(report.events[0]) == 1:  # a cell is opened
            return report
        self.count = getattr(self, "count", random.Random(os.getpid()).randrange(4)) + 1
        if self.count % 4:
            return report
        kinds: list[Any] = [
            Report(((b"{}",),)), Report(report.events[:1] * 2), Report(ended=True), "text", None,
            Report(((report.events[0][0][: len(report.events[0][0]) // 2], report.events[0][-1]),)),
        ]  # fmt: skip
        garbled: Report = random.Random(time.time_ns()).choice(kinds)
        return garbled


def test_a_worker_that_answers_garbage_is_replaced(
    tmp_path: Path, ray_address: str, local_records: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(
        "parallelbench.api.executor_of", lambda sweep, pool, where: RayExecutor(where, None, 4, worker=Garbling)
    )
    progress = At()
    run("tiny", TASKS, DECODERS, limit=LIMIT, out=tmp_path / "out", executor=placement(), progress=progress)
    monkeypatch.undo()
    run("tiny", TASKS, DECODERS, limit=LIMIT, out=tmp_path / "out", progress=False)
    assert records(tmp_path / "out") == local_records
    assert any("it reported" in note for note in progress.notes)


def test_a_full_disk_keeps_what_is_finished(tmp_path: Path, ray_address: str, local_records: Rows) -> None:
    out = tmp_path / "out"
    driver = Child(limited, 20_000, command, *arguments(out, "--ray-address", ray_address))
    done = driver.wait()
    assert done.returncode == 2 and "disk is full" in done.stderr and lines(out) > 0
    run("tiny", TASKS, DECODERS, limit=LIMIT, out=out, batch_size=4, executor=placement(), progress=False)
    check(out, local_records)


class Node:
    """A machine of a cluster, on this machine: `ray start` in a process of its own that can be killed with all its children."""

    def __init__(self, *options: str) -> None:
        ray = str(Path(sys.executable).with_name("ray"))
        flags = [
            "--block",
            "--num-cpus=1",
            "--object-store-memory=80000000",
            "--disable-usage-stats",
        ]
        environment = {**os.environ, **QUIET, "RAY_AUTH_MODE": "token"}
        self.process = subprocess.Popen(
            [ray, "start", *options, *flags], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        for pid in [*descendants(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


def started(address: str, *options: str) -> Node:
    """Start a machine and wait until it is up; `ray start` gives up after 30 s, which a busy machine may need once."""
    for _ in range(5):
        node = Node(*options)
        deadline = time.monotonic() + 60
        while node.process.poll() is None and time.monotonic() < deadline:
            up = greets(address) if "--head" in options else True
            if up and any("raylet" in name for name in descendants(node.process.pid).values()):
                time.sleep(10)  # it has to be known to the head
                if node.process.poll() is None:
                    return node
            time.sleep(0.5)
        node.kill()
    raise AssertionError("this machine is too busy for 'ray start'")


@pytest.fixture
def two_nodes() -> Iterator[tuple[str, Node]]:
    port = free_port()
    address = f"127.0.0.1:{port}"
    head = started(address, "--head", f"--port={port}", "--include-dashboard=false", HERE)
    yield address, started(address, f"--address={address}", HERE)
    head.kill()


def test_a_machine_killed_and_started_again_five_times(
    tmp_path: Path, two_nodes: tuple[str, Node], local_records: Rows
) -> None:
    address, second = two_nodes
    draws, killed, rounds = random.Random(7), 0, 0
    try:
        while killed < 5:
            out = tmp_path / str(rounds)
            rounds += 1
            driver = Child(command, *arguments(out, "--ray-address", address))
            while driver.running and killed < 5:
                wanted = lines(out) + draws.randint(1, 20)
                while driver.running and lines(out) < wanted:
                    time.sleep(0.05)
                if driver.running:
                    second.kill()
                    killed += 1
                    second = Node(f"--address={address}", HERE)
            done = driver.wait(600)
            assert done.returncode in (0, 1), done.stderr
            run("tiny", TASKS, DECODERS, limit=LIMIT, out=out, batch_size=4, progress=False)
            assert records(out) == local_records
    finally:
        second.kill()
