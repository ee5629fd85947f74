"""Ray for real: processes that are killed, and the records of a run afterwards."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from real_ray import BUSY, DECODERS, LIMIT, TASKS, At, workers

from children import Child, command
from parallelbench import run
from parallelbench.experiments.executors.placement import Placement
from stored_records import lines, records


def ray(workers: int) -> Placement:
    return Placement.model_validate({"executor": "ray", "workers": workers})


@BUSY
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_driver_and_killed_workers_leave_the_records_of_the_local_executor(
    tmp_path: Path, ray_address: str, local_records: dict[str, list[dict[str, Any]]]
) -> None:
    out = tmp_path / "out"
    arguments = ["run", "-m", "tiny", "--limit", str(LIMIT), "-o", str(out), "--batch-size", "4"]
    arguments += [f"-t{task}" for task in TASKS] + [f"-d{decoder}" for decoder in DECODERS]
    driver = Child(command, *arguments, "--executor", "ray", "--workers", "1", "--ray-address", ray_address)
    while driver.running and lines(out) < 5:
        time.sleep(0.01)
    driver.send(signal.SIGKILL)
    done = driver.wait()
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert 5 <= lines(out) < 4 * LIMIT

    def kill_one() -> None:
        os.kill(workers()[0], signal.SIGKILL)

    progress = At(sample_3=kill_one)
    run("tiny", TASKS, DECODERS, limit=LIMIT, out=out, batch_size=4, executor=ray(2), progress=progress)
    assert records(out) == local_records and progress.done + 5 <= 4 * LIMIT
    assert len(list(out.glob("cells/*/DONE"))) == 4 and not list(out.glob("cells/*/undecoded.jsonl"))
    until = time.monotonic() + 30
    while workers() and time.monotonic() < until:
        time.sleep(0.1)
    assert not workers(), "no worker outlives its run"
    assert progress.notes == ["a worker ended (its process ended); its samples go to another, and it is started again."]
