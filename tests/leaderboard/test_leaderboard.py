"""The leaderboard ranks what a report says, escapes what others hand in, and refuses what is no submission in one sentence."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parallelbench.analysis import frame as tables
from parallelbench.analysis.ranking import rankings
from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.leaderboard import entries
from parallelbench.leaderboard.boards import BARS, boards
from parallelbench.leaderboard.form import FORM, Submission, read_submission, schema
from parallelbench.leaderboard.page import render, write_board
from parallelbench.runs.folder import StoredRun

ROOT = Path(__file__).parents[2]
SETTINGS = {"threshold:gamma=0.9": (0.97, 6.0), "threshold:gamma=0.7": (0.9, 4.0), "threshold:gamma=0.5": (0.75, 2.0)}
"""Settings with the chance that an answer is right, and the mean number of forwards."""


def frame_of(n: int = 31, seed: int = 1, **more: Any) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    rows = []
    for task in ("a", "b"):
        for decoder, (chance, mean) in SETTINGS.items():
            for index in range(n):
                nfe = mean + int(generator.integers(0, 3))
                rows.append(
                    {"cell": f"{task}/{decoder}", "suite": "ours", "task": task, "model": "m", "revision": "r", "exact": False,
                     "tokenizer": "", "decoder": decoder, "family": "threshold", "series": "threshold", "adaptive": True,
                     "setting": decoder.partition(":")[2], "variant": "plain", "seed": 0, "sample_id": f"{task}/{index}",
                     "index": index, "accuracy": float(generator.random() < chance), "nfe": nfe, "rows": nfe, "flops": 1.0,
                     "flagged": 0.0,
                     "tokens_per_step": 24 / nfe, "content_tokens_per_forward": 12 / nfe, "seconds": 0.1, **more}
                )  # fmt: skip
    return pd.DataFrame(rows)


def submission(**more: Any) -> Submission:
    fields = {"form": FORM, "origin": "measured", "source": "", "date": "2026-11-28", "version": "0.1.0"}
    return Submission(**{**fields, "curves": entries.curves_of(frame_of()), **more})


@pytest.mark.parametrize("seed", range(4))
def test_what_is_ranked_is_what_a_report_says(seed: int) -> None:
    frame = frame_of(31 + seed, seed)
    table = rankings(frame, tables.overall(tables.points(frame)), BARS)
    (board,) = boards([submission(curves=entries.curves_of(frame))])
    (found,) = board.curves
    assert found.held_out and board.tasks == ("a", "b")
    for bar, reached in zip(BARS, found.reached, strict=True):
        (row,) = table[bar].to_dict("records")
        if reached is None:
            assert row["decoder"] == ""
            continue
        assert reached.setting == row["decoder"]
        assert reached.speed == pytest.approx([row["tokens_per_step"], row["tokens_per_step_low"], row["tokens_per_step_high"]])
        assert reached.accuracy == pytest.approx([row["accuracy"], row["low"], row["high"]])


def test_a_submission_reads_back_and_its_schema_is_documented(tmp_path: Path) -> None:
    made = submission()
    path = write_board([made], made, tmp_path).with_name("submission.json")
    assert read_submission(path) == made
    assert json.loads((ROOT / "docs" / "leaderboard.schema.json").read_text(encoding="utf-8")) == schema()
    page = (ROOT / "docs" / "leaderboard.md").read_text(encoding="utf-8")
    fields = {name for part in schema()["$defs"].values() for name in part["properties"]} | schema()["properties"].keys()
    assert not {name for name in fields if f"`{name}`" not in page}


def changed(path: str, value: Any) -> Any:
    """A valid submission in which one field, for example curves.0.model, is another value; None removes it."""
    made = json.loads(submission().model_dump_json())
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = made
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made


PART = "curves.0.settings.0.tasks.0.parts.0"
BAD = {
    "another form": ("form", "parallelbench-leaderboard/2"),
    "an unknown key": ("rank", 1),
    "no curve": ("curves", []),
    "a missing key": ("curves.0.model", None),
    "a date that is none": ("date", "yesterday"),
    "an accuracy in percent": (f"{PART}.accuracy", 97.0),
    "a speed of 0": (f"{PART}.tokens_per_step", 0.0),
    "a number as text": (f"{PART}.n", "16"),
    "a variance that scores cannot have": (f"{PART}.accuracy_variance", 0.9),
    "a half that is missing": (f"{PART.removesuffix('.0')}.1", None),
    "a task less": ("curves.0.settings.0.tasks.1", None),
    "a setting twice": ("curves.0.settings.1.decoder", "threshold:gamma=0.9"),
    "a name with an escape sequence": ("curves.0.settings.1.decoder", "\u001b[31mred"),
    "a name without end": ("curves.0.model", "m" * 5000),
    "an object for a list": ("curves", {"0": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_submission_is_refused_in_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(changed(*BAD[name])), encoding="utf-8")
    assert invoke(["leaderboard", "--check", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and len(said.err) < 900
    assert said.err.startswith(f"{path} is no valid submission") and "\x1b" not in said.err


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"\xff\xfe", b"null", b"[" * 100_000, b'{"form": NaN}', b'{"form": "x", "form": "y"}', b"1e999"]
)
def test_bytes_that_are_no_json_of_this_form_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "submission.json"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"submission\.json is no valid submission"):
        read_submission(path)


def test_what_is_no_file_or_too_large_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(33 << 20)
    os.mkfifo(tmp_path / "pipe")
    for path in (large, tmp_path / "pipe", tmp_path, tmp_path / "nowhere", Path("/dev/zero")):
        with pytest.raises(UserError):
            read_submission(path)


def test_the_page_escapes_names_and_loads_nothing() -> None:
    hostile = "</style><script>alert(1)</script><img src=x onerror=alert(1)>"
    curves = entries.curves_of(frame_of(model=hostile, decoder=hostile, series=hostile))
    text = render(boards([submission(curves=curves, source=hostile)]))
    assert "<script" not in text and "onerror=alert(1)>" not in text
    assert re.search(r"default-src 'none'; style-src 'unsafe-inline'; img-src data:", text)
    assert not re.search(r"(?:src|href)=\"(?!data:image/svg)", text)


def test_published_numbers_are_ranked_apart_and_marked() -> None:
    made = entries.published()
    (ours, board, *_) = boards([made, submission()])
    assert ours.suite == "ours"
    assert len(board.tasks) == 17 and all(row.origin == "published" and not row.held_out for row in board.curves)
    rows = {(row.curve.model, row.curve.series): row for row in board.curves}
    dream = rows["Dream 7B", "threshold"].reached[1]
    assert dream is not None and dream.setting == "threshold:gamma=1.0" and math.isnan(dream.speed[1])
    assert dream.accuracy[0] == pytest.approx(0.817, abs=0.001) and dream.speed[0] == pytest.approx(2.82, abs=0.01)
    assert "published" in render(boards([made]))


def test_curves_need_two_samples_and_every_task() -> None:
    frame = frame_of(6)
    one = frame[~((frame["decoder"] == "threshold:gamma=0.5") & (frame["task"] == "b"))]
    (curve,) = entries.curves_of(one)
    assert [setting.decoder for setting in curve.settings] == ["threshold:gamma=0.9", "threshold:gamma=0.7"]
    assert entries.curves_of(frame_of(1)) == () == entries.curves_of(frame.assign(tokens_per_step=float("nan")))


def test_the_same_curve_in_two_submissions_is_ranked_once() -> None:
    again = submission(source="a copy")
    other = submission(curves=entries.curves_of(frame_of(seed=2)))
    (board,) = boards([submission(), again, other])
    assert [row.source for row in board.curves].count("a copy") == 0 and len(board.curves) == 2


def test_a_run_with_a_name_that_no_submission_may_have_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"model": "m" * 400, "series": "\x1b[2J", "task": "t" * 400}.items():
        frame = frame_of(**{name: value})
        monkeypatch.setattr(entries, "read_run", lambda *_: StoredRun((), ()))
        monkeypatch.setattr(entries.tables, "samples", lambda _, found=frame: found)
        with pytest.raises(UserError, match="makes no valid submission"):
            entries.of_runs([Path("out")], "0.1.0")
    with pytest.raises(UserError, match="makes no valid submission"):
        entries.of_runs([Path("out")], "0.1.0", source="s" * 3000)


def test_the_command_without_anything_to_rank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["leaderboard", "--no-published", "-o", str(tmp_path / "b")]) == 2
    assert "nothing to rank" in capsys.readouterr().err
    assert invoke(["leaderboard", str(tmp_path), "-o", str(tmp_path / "b")]) == 2
    assert "holds no run" in capsys.readouterr().err and not (tmp_path / "b").exists()
