"""What a run ends in on the terminal: a summary for a person, and more on request only."""

from __future__ import annotations

import json
from pathlib import Path

import fake_model  # noqa: F401  (registers the fake model)
import pytest

from parallelbench import cli


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.invoke(arguments)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_a_person_reads_a_summary_and_json_is_printed_on_request_only(  # fault 32
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "run",
        "-m",
        "fake",
        "-t",
        "waiting_line/copy,waiting_line/shuffle",
        "-d",
        "confidence:k=[4,8]",
        "--limit",
        "2",
    ]
    code, out, _ = call(capsys, *arguments, "-o", str(tmp_path / "out"))
    summary = out[out.index("mean over 2 tasks") :]
    assert code == 0 and not any(line.startswith(("{", "[{")) for line in out.splitlines())
    assert len(summary.splitlines()) < 20 and f"parallelbench report {tmp_path / 'out'}" in summary.replace("\n", " ")
    for words in ("hardest task: waiting_line/", "4 cells, 8 samples", "confidence:k=8"):
        assert words in summary
    stored = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (stored["cells"], stored["samples"]) == (4, 8), "the numbers are in the folder, printed or not"
    lines = call(capsys, *arguments, "-o", str(tmp_path / "out"), "--dry-run")[1].splitlines()
    assert len(lines) < 20 and not any(line.startswith("{") for line in lines)


def test_many_cells_are_summed_up_and_printed_one_by_one_on_request_only(  # fault 32
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gammas = ",".join(f"{0.5 + number / 100}" for number in range(42))
    arguments = ["run", "-m", "fake", "-t", "waiting_line/copy,waiting_line/sort", "-d", f"threshold:gamma=[{gammas}]"]
    arguments += ["--limit", "1", "-o", str(tmp_path / "out")]
    code, out, _ = call(capsys, *arguments)
    summary = out[out.index("mean over 2 tasks, without ") :]
    assert code == 0 and "84 cells, 84 samples" in summary and "--table" in summary
    assert "[84/84]" in out and len(summary.splitlines()) < 20
    kept = len([line for line in summary.splitlines() if line.startswith("threshold")])
    assert f"without {42 - kept} settings" in summary and 1 <= kept < 20
    whole = call(capsys, *arguments, "--table")[1]
    assert len([line for line in whole.splitlines() if line.startswith("waiting_line/")]) == 84
    assert len([line for line in whole.splitlines() if line.startswith("threshold")]) == 42 and "without" not in whole
