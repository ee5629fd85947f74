"""The separate program that answers line by line: what an interrupt leaves behind."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from parallelbench.worker import Worker, WorkerFault

ECHO = """
import json, sys, time
print("ready", flush=True)
for line in sys.stdin:
    job = json.loads(line)
    time.sleep(job["seconds"])
    if job["number"] < 0:
        sys.exit("no number")
    print(json.dumps(job), flush=True)
"""


def interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    script = tmp_path / "echo.py"
    script.write_text(ECHO, encoding="utf-8")
    return Worker(script, 30.0)


def answer(worker: Worker, number: int, seconds: float = 0.0) -> int:
    return int(worker.request({"number": number, "seconds": seconds})["number"])


def test_the_reply_to_an_interrupted_request_is_not_taken_for_that_to_the_next(worker: Worker) -> None:
    assert answer(worker, 1) == 1
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            answer(worker, 2, seconds=20.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert [answer(worker, number) for number in (3, 4)] == [3, 4]


def test_a_program_that_ends_says_why_and_is_started_anew(worker: Worker) -> None:
    with pytest.raises(WorkerFault, match="no number"):
        answer(worker, -1)
    assert answer(worker, 5) == 5
