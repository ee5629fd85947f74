"""A run is watched from outside: what `status` and `ls` say of it while it goes on, after its end and after a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from run_files import DECODERS, TASKS, finished, start, wait_for_lines

from parallelbench import cli, run
from parallelbench.cli import progress as display
from parallelbench.cli import status_command
from parallelbench.experiments.progress import Silent
from parallelbench.runs.heartbeat import HEARTBEAT, Heartbeat, age_of, life_of, read_heartbeat, write_heartbeat
from parallelbench.runs.state import find_runs
from parallelbench.runs.times import now
from parallelbench.runs.undecoded import Undecoded, append_undecoded
from stored_records import records

EARLIER = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
NOBODY = 2**22 + 1  # above the largest process id of Linux


def sign(**changes: Any) -> Heartbeat:
    """A sign of life of this process, written now."""
    beat = Heartbeat(call=1, pid=os.getpid(), host=socket.gethostname(), written=now(), samples=48, done=3)
    return replace(beat, **changes)


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.invoke([str(one) for one in arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def status(capsys: pytest.CaptureFixture[str], out: Path) -> dict[str, Any]:
    code, said, err = call(capsys, "status", out, "--json")
    assert (code, err) == (0, "")
    return json.loads(said)


def test_a_run_is_seen_running_then_killed_then_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    process = start(out, delay=0.03)
    wait_for_lines(process, out, 4)
    seen = status(capsys, out)
    assert seen["state"] == "running" and seen["samples"] == 48 and 4 <= seen["done"] < 48
    assert seen["left"] == 48 - seen["done"] and seen["host"] == socket.gethostname() and seen["workers"] == 1
    files = sorted(path.name for path in out.iterdir())
    said = call(capsys, "status", out)[1]
    assert "running: " in said and f"process {seen['process']} on {seen['host']}" in said
    assert sorted(path.name for path in out.iterdir()) == files, "status writes nothing"
    process.send(signal.SIGKILL)
    process.wait()
    seen = status(capsys, out)
    assert (seen["state"], seen["rate"], seen["seconds_left"]) == ("killed", None, None) and 4 <= seen["done"] < 48
    assert "killed" in call(capsys, "ls", tmp_path)[1]
    run("fake:delay=0.0", TASKS, DECODERS, limit=12, out=out)
    seen = status(capsys, out)
    assert (seen["state"], seen["done"], seen["cells_done"], seen["left"]) == ("complete", 48, 4, 0)
    assert not (out / HEARTBEAT).exists() and sum(map(len, records(out).values())) == 48


@pytest.mark.parametrize(
    ("change", "life"),
    [
        ({}, "running"),
        ({"pid": NOBODY}, "killed"),
        ({"written": EARLIER}, "stalled"),
        ({"host": "elsewhere", "pid": NOBODY}, "running"),
        ({"host": "elsewhere", "written": EARLIER}, "killed"),
        ({"call": 2}, "killed"),
        ({"written": "yesterday"}, "stalled"),
        ({"written": "2026-01-01T00:00:00"}, "stalled"),
        ({"pid": 1 << 52}, "running"),
    ],
)
def test_a_sign_of_life_is_read_with_care(change: dict[str, Any], life: str) -> None:
    assert life_of(sign(**change), 1) == life
    assert life_of(None, 1) == "killed" and age_of(sign()) < 60


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b"\xff", b'{"schema": 4}', b'{"call": 1e999}', b"[" * 5000])
def test_a_damaged_sign_of_life_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    out, _ = finished(tmp_path)
    (out / HEARTBEAT).write_bytes(content)
    assert read_heartbeat(out) is None and status(capsys, out)["state"] == "complete"


def unended(out: Path, outcome: str = "running") -> None:
    path = next(out.glob("calls/*.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ended": None, "outcome": outcome}))


def test_follow_ends_when_the_run_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = finished(tmp_path)
    unended(out)
    write_heartbeat(out, sign(rate=2.0, seconds_left=9.0))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            unended(out, "complete")

    monkeypatch.setattr(status_command.time, "sleep", sleep)
    code, said, _ = call(capsys, "status", out, "--follow")
    assert code == 0 and slept == [60.0] * 3
    assert [line.partition(":")[0] for line in said.splitlines()] == ["running"] * 3 + ["complete"]
    assert "2.0 samples/s, about 9.0 s left" in said.splitlines()[0]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("interrupted", "interrupted"), ("failed", "failed"), ("complete", "unfinished"), ("running", "killed")],
)
def test_ls_says_how_far_each_run_is(tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: str, state: str) -> None:
    out, path = finished(tmp_path)
    (path.parent / "DONE").unlink()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    unended(out, outcome)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{}")
    code, said, err = call(capsys, "ls", tmp_path, "--json")
    found = json.loads(said.splitlines()[-1])["runs"]
    assert code == 0 and [(one["state"], one["done"], one["planned"]) for one in found] == [(state, 3, 4)]
    assert found[0]["models"] == ["fake"] and found[0]["decoders"] == [DECODERS[0]]
    assert "broken" in err and err.count("\n") == 1, "one damaged run does not hide the others"


def test_samples_that_were_given_up_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, path = finished(tmp_path)
    for call_, index in ((1, 9), (1, 10), (7, 11)):
        given_up = Undecoded(cell=path.parent.name, sample_id=f"x/{index}", index=index, call=call_, reason="its worker ended")
        append_undecoded(path.parent, given_up)
    assert status(capsys, out)["failed"] == 2 and ", 2 failed" in call(capsys, "status", out)[1], "those of the last call"


def test_runs_are_found_four_levels_deep_and_not_inside_runs(tmp_path: Path) -> None:
    for name in ("a", "a/cells/b", "c/d/e/f", "c/d/e/f/g", ".h"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        if name != "a/cells/b":
            (tmp_path / name / "run.json").touch()
    assert find_runs(tmp_path) == [tmp_path / "a", tmp_path / "c" / "d" / "e" / "f"]
    assert find_runs(tmp_path / "a") == [tmp_path / "a"]


@pytest.mark.parametrize("command", ["status", "ls"])
def test_a_folder_that_is_none_is_one_sentence(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, command, tmp_path / "none")
    assert code == 2 and err.count("\n") == 1
    assert call(capsys, "ls", tmp_path)[1] == f"no runs in {tmp_path}\n"


def test_a_log_gets_a_line_a_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    at = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: at)
    cell: Any = type("Named", (), {"model": "m", "task": "t", "decoder": "d"})
    shown = display.PlainProgress()
    shown.planned([(cell, 3000)], 3000)
    shown.cell_started(cell, 3000)
    for _ in range(3000):
        at += 0.2  # ten minutes
        shown.sample_done(cell, cell)
    lines = capsys.readouterr().out.splitlines()
    assert 10 <= len(lines) <= 13 and "[3000/3000]" in lines[-1]


def test_a_full_disk_does_not_end_a_run_by_its_sign_of_life(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f".{HEARTBEAT}.draft").mkdir()  # cannot be written
    results = run("fake", TASKS[0], DECODERS[0], limit=2, out=out, progress=Silent())
    assert results.rows[0].samples == 2 and not (out / HEARTBEAT).exists()
