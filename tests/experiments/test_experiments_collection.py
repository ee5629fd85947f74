"""A folder is a collection of cells: every call adds to it, and several folders are read as one."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import fake_model
import pytest
from run_files import DECODERS, TASKS, finished, start, wait_for_lines

from parallelbench import run
from parallelbench.analysis import frame
from parallelbench.api import run_sweep
from parallelbench.cli import invoke
from parallelbench.errors import UserError
from parallelbench.experiments import provenance
from parallelbench.experiments.progress import Silent
from parallelbench.experiments.spec import Sweep
from parallelbench.models import load_model
from parallelbench.report import write_report
from parallelbench.report.data import Filters, read_report_data
from parallelbench.runs.calls import read_calls
from parallelbench.runs.folder import read_run
from stored_records import records


def test_a_finished_grid_is_extended_by_one_decoder_and_the_report_shows_both(tmp_path: Path) -> None:  # fault 26
    out, grid = tmp_path / "out", ["confidence:k=[2,4,8]", "threshold:gamma=0.9"]
    run("fake", TASKS, grid, limit=3, out=out)
    before = {path: path.read_bytes() for path in out.glob("cells/*/*")}
    model = load_model("fake")
    assert isinstance(model, fake_model.FakeDenoiser)
    results = run(model, TASKS, [*grid, "random:k=8"], limit=3, out=out)
    assert {path: path.read_bytes() for path in before} == before, "what was there is not touched"
    assert 0 < model.forwards <= 2 * (3 + 1) * 4, "only the new cells run"
    assert len(results.rows) == 10 and results.rows[-1].decoder == "random:k=8"
    page = write_report(out).read_text(encoding="utf-8")
    assert "random:k=8" in page and "confidence:k=4" in page and "still miss samples" not in page
    calls = read_calls(out)
    assert [(call.number, len(call.cells), call.outcome) for call in calls] == [(1, 8, "complete"), (2, 10, "complete")]


@pytest.mark.slow
def test_a_grid_of_304_cells_is_extended_by_one_decoder(tmp_path: Path) -> None:
    out, ks = tmp_path / "out", ",".join(map(str, range(1, 39)))
    tasks = [f"waiting_line/{kind}:lengths=[{n}],max_new_tokens=32" for kind in ("copy", "reverse") for n in (2, 3, 4, 5)]
    run("fake", tasks, f"confidence:k=[{ks}]", limit=1, out=out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("cells/*/*")}
    assert len(list((out / "cells").iterdir())) == 304
    results = run("fake", tasks, [f"confidence:k=[{ks}]", "all_at_once"], limit=1, out=out)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(results.rows) == 312 and {row.decoder for row in results.rows} >= {"all_at_once", "confidence:k=38"}


def test_other_tasks_seeds_models_and_more_samples_are_added_in_the_order_of_the_calls(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("fake", TASKS[0], DECODERS[0], limit=2, out=out)
    run("fake", TASKS[1], DECODERS[0], limit=2, out=out)
    run("fake", TASKS[0], DECODERS[0], limit=2, seed=1, out=out)
    run("exact", "list_ops/copy:lengths=3", "one_by_one", limit=2, out=out)
    results = run("fake", TASKS[0], DECODERS[0], limit=5, out=out)
    found = [(row.model, row.task, row.seed, row.samples) for row in results.rows]
    assert found == [
        ("fake", "waiting_line/copy", 0, 5), ("fake", "waiting_line/shuffle", 0, 2), ("fake", "waiting_line/copy", 1, 2),
        ("exact", "list_ops/copy", 0, 2),
    ]  # fmt: skip
    assert len(results.frame) == sum(row.samples for row in results.rows) == 11


def test_a_killed_call_has_no_end_and_the_next_one_ends(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(out, delay=0.05)
    wait_for_lines(process, out, 3)
    process.send(signal.SIGKILL)
    process.wait()
    assert [(call.outcome, call.ended) for call in read_calls(out)] == [("running", None)]
    assert start(out).wait().returncode == 0
    first, second = read_calls(out)
    assert first.ended is None and second.outcome == "complete" and second.ended is not None
    assert "an end that was not written" in write_report(out).read_text(encoding="utf-8")


def test_a_cell_that_a_killed_call_never_reached_is_unfinished(tmp_path: Path) -> None:
    out, _ = finished(tmp_path)
    assert read_run(out).unfinished == []
    call = out / "calls" / "0001.json"
    (cell_id,) = read_run(out).planned
    more = {**json.loads(call.read_text()), "number": 2, "cells": {cell_id: 6, "0123456789abcdef": 1}}
    (out / "calls" / "0002.json").write_text(json.dumps(more))
    assert read_run(out).unfinished == [cell_id, "0123456789abcdef"]
    assert "2 of 2 cells still miss samples" in write_report(out).read_text(encoding="utf-8")


def test_two_folders_are_reported_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run("fake", TASKS, DECODERS[0], limit=4, out=one)
    run("fake", TASKS, [DECODERS[0], "threshold:gamma=0.9"], limit=6, out=two)
    data = read_report_data(one, two)
    assert list(data.cells["n"]) == [6, 6, 6, 6], "a sample that lies in both counts once"
    assert frame.samples(read_run(two))["accuracy"].sum() == data.samples["accuracy"].sum()
    monkeypatch.chdir(tmp_path)
    assert invoke(["report", "one", "two", "-d", "threshold*"]) == 0
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "threshold:gamma=0.9" in page and "confidence:k=4" not in page.split("<section")[1]
    assert not (one / "report.html").exists()


def test_folders_that_differ_in_a_sample_are_refused(tmp_path: Path) -> None:
    out, path = finished(tmp_path)
    other = Path(shutil.copytree(out, tmp_path / "other"))
    found = other / path.relative_to(out)
    found.write_text(found.read_text().replace('"list_exact":1.0', '"list_exact":0.0', 1))
    with pytest.raises(UserError, match=r"copy@1/0/\d+ has one result in .* and another in .*; read the folders one by one"):
        read_report_data(out, other)
    cell = found.with_name("cell.json")
    cell.write_text(cell.read_text().replace('"prompt_hash": "', '"prompt_hash": "0'))
    with pytest.raises(UserError, match="the prompts of waiting_line/copy differ between"):
        read_report_data(out, other)


def test_filters_choose_cells_by_any_of_their_names(tmp_path: Path) -> None:
    out = run("fake", TASKS, ["confidence:k=[4,8]", "random:k=8,label=ours"], limit=2, out=tmp_path / "out").out
    chosen = read_report_data(out, keep=Filters(tasks=("*copy",), decoders=("ours", "*k=4"))).cells
    assert set(chosen["task"]) == {"waiting_line/copy"} and set(chosen["decoder"]) == {"ours:k=8", "confidence:k=4"}
    assert read_run(out).select(decoders=("ours",)).unfinished == []
    with pytest.raises(UserError, match=r"no cell of .* matches; its tasks are waiting_line/copy, waiting_line/shuffle"):
        read_report_data(out, keep=Filters(models=("tiny",)))


def test_a_label_names_a_decoder_and_is_no_part_of_its_identity(tmp_path: Path) -> None:  # fault 28
    out = tmp_path / "out"
    run("fake", TASKS[0], "confidence:k=[4,8],label=ours", limit=2, out=out)
    whole = records(out)
    point = frame.points(frame.samples(out))
    assert list(point["decoder"]) == ["ours:k=4", "ours:k=8"] and set(point["series"]) == set(point["family"]) == {"ours"}
    named = run("fake", TASKS[0], "confidence:k=[4,8]", limit=2, out=out)
    assert records(out) == whole and [row.decoder for row in named.rows] == ["ours:k=4", "ours:k=8"]
    run("fake", TASKS[0], "random:k=8,label=ours", limit=2, out=out)
    families = set(frame.samples(out)["family"])
    assert families == {"confidence", "random"}, "a label with two meanings is no name"


def test_a_users_decoder_is_named_by_its_class(tmp_path: Path) -> None:  # fault 28
    file = tmp_path / "mine.py"
    file.write_text(
        "from parallelbench import RankingDecoder\nfrom parallelbench.decoding.quota import Fixed\n\n\n"
        "class Leftmost(RankingDecoder):\n    k: int = 2\n\n"
        "    def score(self, signals, state):\n        return -signals.positions\n\n"
        "    def quota(self):\n        return Fixed(self.k)\n"
    )
    results = run("fake", TASKS[0], f"{file}:Leftmost:k=[4,8]", limit=1, out=tmp_path / "out")
    assert [row.decoder for row in results.rows] == ["Leftmost:k=4", "Leftmost:k=8"]
    assert set(frame.points(results.frame)["series"]) == {"Leftmost"}


def test_other_versions_within_a_cell_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fault 61
    class Listening(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    notes: list[str] = []
    out, _ = finished(tmp_path)
    monkeypatch.setattr(provenance, "PACKAGES", ("pydantic",))
    monkeypatch.setattr(provenance, "_version", lambda name: "0.0.1")
    run("fake", TASKS[0], DECODERS[0], limit=6, out=out, progress=Listening())
    (note,) = notes
    assert "other versions than in the earlier part of it" in note and "now 0.0.1" in note
    assert "made with several versions" in write_report(out).read_text(encoding="utf-8")


def test_a_sweep_into_the_folder_of_a_run_is_one_more_call(tmp_path: Path) -> None:  # fault 26
    out, _ = finished(tmp_path)
    sweep = Sweep(name="Two decoders", models=("fake",), tasks=(TASKS[0],), decoders=tuple(DECODERS), limit=4)
    assert len(run_sweep(sweep, out).rows) == 2
    assert [call.resolved.get("name") for call in read_run(out).calls][1:] == ["Two decoders"]
    assert json.loads((out / "calls" / "0002.json").read_text())["resolved"]["name"] == "Two decoders"
