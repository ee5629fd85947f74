"""Run folders merged: the same samples as one run, none twice, nothing silently different, all or nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from run_files import DECODERS, TASKS, finished

from parallelbench import cli, run
from parallelbench.runs import merge as merge_module
from parallelbench.runs.folder import read_run
from parallelbench.runs.heartbeat import Heartbeat, write_heartbeat
from stored_records import records

COPY = TASKS[0]


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.invoke([str(one) for one in arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_merged_folders_hold_what_one_run_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c, whole = (tmp_path / name for name in ("a", "b", "c", "whole"))
    run("fake", TASKS, DECODERS[0], limit=2, out=a)
    run("fake", COPY, DECODERS, limit=3, out=b)
    run("fake", COPY, DECODERS, limit=3, out=whole)
    run("fake", TASKS[1], DECODERS[0], limit=2, out=whole)
    assert (
        call(capsys, "score", a, "-j", 1, "-m", "failures")[0]
        == call(capsys, "score", b, "-j", 1, "-m", "failures,list_exact")[0]
        == 0
    )
    before = {path: path.read_bytes() for folder in (a, b) for path in folder.rglob("*") if path.is_file()}
    code, out, err = call(capsys, "merge", a, b, "-o", c)
    assert (code, err) == (0, "") and "merged 3 cells, 1 of them in several folders" in out
    assert records(c) == records(whole)
    assert {path: path.read_bytes() for path in before} == before, "the sources stay as they are"
    merged = read_run(c)
    assert [one.number for one in merged.calls] == [1, 2, 3] and merged.calls[-1].arguments[-5:] and not merged.unfinished
    assert {one.id: one.done_rows for one in merged.cells} == {one.id: one.done_rows for one in read_run(whole).cells}
    numbers = [[session.call for session in one.sessions] for one in merged.cells]
    assert sorted(number for inside in numbers for number in inside) == [1, 1, 2, 2]
    labels = [len(path.read_bytes().splitlines()) for path in sorted(c.glob("cells/*/scores/failures.jsonl"))]
    assert sorted(labels) == [3, 4, 4]
    again = run("fake", COPY, DECODERS, limit=3, out=c)
    assert records(c) == records(whole) and sum(row.samples for row in again.rows) == 8


def test_another_result_of_one_sample_is_refused_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").mkdir()
    a, path = finished(tmp_path)
    b = Path(shutil.copytree(a, tmp_path / "b"))
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace('"nfe":8', '"nfe":9', 1)
    (b / path.relative_to(a)).write_text("\n".join(lines) + "\n")
    code, _, err = call(capsys, "merge", a, b, "-o", tmp_path / "c")
    assert code == 2 and "has one result in" in err and "another in" in err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b", "out", "x"]


def test_two_versions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, _ = finished(tmp_path)
    b = Path(shutil.copytree(a, tmp_path / "b"))
    path = next(b.glob("calls/*.json"))
    made = json.loads(path.read_text())
    made["environment"]["packages"]["parallelbench"] = "0.0.9"
    path.write_text(json.dumps(made))
    code, _, err = call(capsys, "merge", a, b, "-o", tmp_path / "c")
    assert code == 2 and "different versions of parallelbench" in err and "parallelbench compare" in err


def test_an_unfinished_cell_stays_unfinished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, path = finished(tmp_path)
    b = Path(shutil.copytree(a, tmp_path / "b"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:50])  # killed while it wrote
    (path.parent / "DONE").unlink()
    other = b / path.relative_to(a)
    other.write_bytes(b"".join(lines[1:3]))
    (other.parent / "DONE").unlink()
    assert call(capsys, "merge", a, b, "-o", tmp_path / "c")[0] == 0
    merged = read_run(tmp_path / "c")
    assert len(merged.cells[0].records()) == 3 and len(merged.unfinished) == 1
    run("fake", COPY, DECODERS[0], limit=4, out=tmp_path / "c")
    assert records(tmp_path / "c") == records(finished(tmp_path / "again")[0])


def going(out: Path, seconds_ago: float, pid: int | None = None) -> None:
    """Let a folder look as if its last call had given a sign of life so many seconds ago and had not ended."""
    path = next(out.glob("calls/*.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ended": None, "outcome": "running"}))
    written = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat()
    beat = Heartbeat(call=1, pid=pid or os.getpid(), host=socket.gethostname(), written=written, samples=4, done=1)
    write_heartbeat(out, beat)


@pytest.mark.parametrize(("seconds_ago", "pid"), [(300, None), (1, 2**22 + 1)], ids=["stalled", "killed"])
def test_of_a_run_that_stalled_or_was_killed_the_unfinished_cells_are_named(
    seconds_ago: float, pid: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, path = finished(tmp_path)
    b = Path(shutil.copytree(a, tmp_path / "b"))
    for folder in (a, b):
        file = folder / path.relative_to(a)
        file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
        (file.parent / "DONE").unlink()
    going(b, seconds_ago, pid)
    code, out, err = call(capsys, "merge", a, b, "-o", tmp_path / "c")
    assert code == 0 and "merged 1 cells, 1 of them in several folders" in out
    assert re.fullmatch(r"note: 1 cells are unfinished: fake on waiting_line/copy with \S+ \(2 of 4\)\.\n", err)
    original = merge_module._write

    def write(*arguments: Any) -> None:
        original(*arguments)
        going(b, 0)

    monkeypatch.setattr(merge_module, "_write", write)
    code, _, err = call(capsys, "merge", a, b, "-o", tmp_path / "d")
    assert code == 2 and "b is being written by another process" in err, "it went on while it was read"
    assert not (tmp_path / "d").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["out", "-o", "c"], "needs at least two run folders"),
        (["out", "out", "-o", "c"], "needs at least two run folders"),
        (["out", "b", "-o", "full"], "exists and is not empty"),
        (["out", "b", "-o", "out/c"], "lies in"),
        (["out", "full", "-o", "c"], "full holds no run"),
        (["out", "none", "-o", "c"], "none holds no run"),
        (["out", "loop", "-o", "c"], "loop holds no run"),
        (["out", "b", "-o", "loop"], "loop cannot be written"),
        (["out", "b", "-o", "b/run.json/c"], "lies in"),
        (["out", "b", "-o", "full/notes.txt/c"], "cannot be written"),
        (["out", "b"], "Missing option '--out'"),
        (["out", "going", "-o", "c"], "is being written by another process"),
    ],
)
def test_what_cannot_be_merged_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    a, _ = finished(tmp_path)
    shutil.copytree(a, tmp_path / "b")
    going(Path(shutil.copytree(a, tmp_path / "going")), 1)
    (tmp_path / "full").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "full" / "notes.txt").write_text("mine")
    code, _, err = call(capsys, "merge", *(one if one.startswith("-") else tmp_path / one for one in arguments))
    assert code == 2 and said in err and err.count("\n") == 1
    assert not (tmp_path / "c").exists() and not list(tmp_path.glob(".*"))
