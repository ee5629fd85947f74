"""What is said, and what is kept, where files of a run are damaged or cannot be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from run_files import DECODERS, TASKS, finished, start

from parallelbench import run
from parallelbench.errors import UserError
from stored_records import lines, records


def test_a_torn_last_line_is_dropped_and_done_anew(tmp_path: Path) -> None:
    out, path = finished(tmp_path)
    whole = records(out)
    path.write_bytes(path.read_bytes()[:-40])
    (path.parent / "DONE").unlink()
    assert len(run("fake", TASKS[0], DECODERS[0], limit=4, out=out).frame) == 4
    assert records(out) == whole


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"sample_id": "a', "line 2 is damaged"),
        ("[1]", "line 2 is damaged"),
        ("", "line 2 is damaged"),
        ('{"sample_id": "a", "cell": "b", "schema": 3, "index": 0}', "line 2 has no good 'prompt_hash'"),
        ("[" * 100_000, "line 2 is damaged"),
    ],
)
def test_a_damaged_line_is_named_and_deleting_it_mends_the_cell(tmp_path: Path, line: str, said: str) -> None:
    out, path = finished(tmp_path)
    whole, text = records(out), path.read_text().splitlines()
    path.write_text("\n".join([text[0], line, *text[2:]]) + "\n")
    with pytest.raises(UserError, match=rf"records.jsonl {said}.*parallelbench repair"):
        run("fake", TASKS[0], DECODERS[0], limit=4, out=out)
    path.write_text("\n".join([text[0], *text[2:]]) + "\n")
    (path.parent / "DONE").unlink()
    run("fake", TASKS[0], DECODERS[0], limit=4, out=out)
    assert records(out) == whole


def test_a_sample_twice_is_damage_and_so_is_another_schema(tmp_path: Path) -> None:
    out, path = finished(tmp_path)
    text = path.read_text()
    path.write_text(text + text.splitlines()[0] + "\n")
    with pytest.raises(UserError, match="line 5 repeats the sample"):
        run("fake", TASKS[0], DECODERS[0], limit=4, out=out)
    path.write_text(text.replace('"schema":3', '"schema":99'))
    with pytest.raises(UserError, match="schema 99"):
        run("fake", TASKS[0], DECODERS[0], limit=4, out=out)


def test_a_full_disk_is_one_sentence_and_the_run_continues_after_it(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    out = tmp_path / "out"
    full = start(out, file_size=9000).wait()
    assert full.returncode == 2 and "the disk is full; free some space and run the same command again" in full.stderr
    assert 0 < lines(out) < 48 and len(list(out.glob("cells/*/DONE"))) < 4
    done = start(out).wait()
    assert done.stdout and done.returncode == 0
    assert records(out) == undisturbed


@pytest.mark.parametrize("moment", [5, 6])  # in the third trace, and in the third record
def test_a_write_that_fails_half_way_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    out = tmp_path / "out"
    real, calls = os.write, [0]

    def failing(file: int, data: Any) -> int:
        calls[0] += 1
        if calls[0] == moment:
            return real(file, bytes(data)[:25])
        if calls[0] == moment + 1:
            raise OSError(28, "No space left on device")
        return real(file, data)

    monkeypatch.setattr("parallelbench.runs.disk.os.write", failing)
    with pytest.raises(UserError, match="disk is full"):
        run("fake", TASKS[0], DECODERS[0], limit=4, out=out)
    assert len(next(iter(records(out).values()))) == 2
    monkeypatch.undo()
    run("fake", TASKS[0], DECODERS[0], limit=4, out=out)
    run("fake", TASKS[0], DECODERS[0], limit=4, out=tmp_path / "whole")
    assert records(out) == records(tmp_path / "whole")
    traces = [next(folder.glob("cells/*/traces.jsonl")).read_bytes() for folder in (out, tmp_path / "whole")]
    assert traces[0] == traces[1], "a trace without a record is cut off"
