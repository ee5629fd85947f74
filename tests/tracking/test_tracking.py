"""Trackers get the numbers of the folder, and whatever a tracker does, a run ends as it would without one."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fake_model  # noqa: F401  (registers the fake model)
import pytest
from run_files import DECODERS, TASKS, finished

from parallelbench import Results, cli, report, run
from parallelbench.api import run_sweep
from parallelbench.errors import UserError
from parallelbench.experiments.listeners import Several
from parallelbench.experiments.progress import Silent
from parallelbench.experiments.spec import Sweep
from parallelbench.runs.folder import read_run
from parallelbench.tracking import load
from parallelbench.tracking.base import CellFacts, RunFacts, Tracker
from parallelbench.tracking.facts import cell_facts, finished_cells, run_facts
from parallelbench.tracking.later import send_folder
from parallelbench.tracking.listener import TrackerListener
from parallelbench.tracking.sender import Sender
from stored_records import records

WORDS = ["run", "-m", "fake", "-t", TASKS[0], "-d", DECODERS[0], "--limit", "2", "-o"]


class Kept(Tracker):
    """Keeps what it is sent; fails, or hangs, at the operations that it is told."""

    def __init__(self, fails: int = 0, hangs: threading.Event | None = None, place: str = "kept here") -> None:
        self.runs: list[RunFacts] = []
        self.cells: list[CellFacts] = []
        self.closed: list[tuple[Sequence[CellFacts], Sequence[Path]]] = []
        self.fails, self.hangs = fails, hangs
        self.known: list[bool] = []
        self._place = place

    def trouble(self) -> None:
        if self.hangs is not None:
            self.hangs.wait(60)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("no route\nto host")

    def open(self, run: RunFacts) -> None:
        self.trouble()
        self.runs.append(run)

    @property
    def place(self) -> str:
        return self._place

    def cell(self, cell: CellFacts, known: bool) -> None:
        self.trouble()
        self.cells.append(cell)
        self.known.append(known)

    def close(self, cells: Sequence[CellFacts], files: Sequence[Path], known: bool) -> None:
        self.trouble()
        self.closed.append((cells, files))


def followed(tracker: Tracker, out: Path, sender: Sender) -> list[str]:
    """Run two tasks with two decoders while a tracker listens, and return what was said to the user."""
    notes: list[str] = []
    listener = TrackerListener("kept:project=x", tracker, out, notes.append, sender)
    run("fake", TASKS, DECODERS, limit=2, out=out, progress=Several([Silent(), listener]))
    listener.end([])
    return notes


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.invoke([str(one) for one in arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_a_tracker_gets_every_cell_with_the_numbers_of_the_folder(tmp_path: Path) -> None:
    out, tracker = tmp_path / "out", Kept(fails=2)
    assert followed(tracker, out, Sender(backoff=0.001)) == [], "what fails twice is tried a third time"
    cells = {row["cell"]: row for row in Results(out).cells.to_dict("records")}
    assert [one.id for one in tracker.cells] == [one.id for one in tracker.closed[0][0]] == finished_cells(out)
    for one in tracker.cells:
        row = cells[one.id]
        assert one.numbers["accuracy"] == row["accuracy"] and one.numbers["samples"] == row["n"] == 2
        assert (one.numbers["accuracy_low"], one.numbers["accuracy_high"]) == (row["low"], row["high"])
        for name in ("nfe", "tokens_per_step", "content_tokens_per_forward", "seconds"):
            assert one.numbers[name] == pytest.approx(row[name])
    facts = tracker.runs[0]
    assert facts.config["tasks"] == TASKS and facts.provenance["calls"][0]["environment"]["packages"]["parallelbench"]
    run("fake", TASKS[0], DECODERS[0], limit=4, out=out, progress=False)
    assert run_facts(out).id == facts.id and len(run_facts(out).provenance["calls"]) == 2, "the same run goes on"


def test_a_tracker_that_fails_is_said_once_and_changes_no_record(tmp_path: Path) -> None:
    out, alone = tmp_path / "out", tmp_path / "alone"
    notes = followed(Kept(fails=99), out, Sender(backoff=0.001))
    assert len(notes) == 1 and "kept gets nothing more (ConnectionError: no route)" in notes[0]
    assert f"parallelbench track {out} --to kept:project=x" in notes[0]
    run("fake", TASKS, DECODERS, limit=2, out=alone, progress=False)
    assert records(out) == records(alone)


def test_a_tracker_that_hangs_costs_a_run_nothing_but_the_patience_of_its_end(tmp_path: Path) -> None:
    hanging = threading.Event()
    sender = Sender(patience=0.05)
    began = time.perf_counter()
    notes = followed(Kept(hangs=hanging), tmp_path / "out", sender)
    whole = time.perf_counter() - began
    began = time.perf_counter()
    sender.end()
    assert time.perf_counter() - began < 0.05 + 0.2, "it is given up once"
    assert len(notes) == 1 and "has not answered for 0.05 s" in notes[0] and whole < 60
    assert sum(map(len, records(tmp_path / "out").values())) == 8
    hanging.set()


def test_handing_over_results_takes_no_time_while_a_tracker_hangs() -> None:
    hanging = threading.Event()
    sender = Sender(patience=0.05, room=1000)
    sender.put(lambda: hanging.wait(60))
    began = time.process_time()
    for _ in range(1000):
        sender.put(hanging.clear)
    assert time.process_time() - began < 0.1, "at most 0.1 ms each"
    sender.put(hanging.clear)
    sender.put(hanging.clear)
    assert sender.failure == "1000 results wait to be sent"
    hanging.set()


def test_a_library_that_ends_its_thread_has_failed_too() -> None:
    sender = Sender(backoff=0.001)
    sender.put(lambda: sys.exit("no quota"))
    sender.end()
    assert sender.failure == "SystemExit: no quota"


def test_a_folder_can_be_sent_later_and_a_failure_is_one_sentence(tmp_path: Path) -> None:
    out, _ = finished(tmp_path)
    tracker = Kept()
    assert send_folder(out, "kept", tracker, [out / "run.json"]) == 1
    assert tracker.runs[0] == run_facts(out) and tracker.cells == [cell_facts(out, finished_cells(out)[0])]
    assert tracker.closed == [(tracker.cells, [out / "run.json"])]
    with pytest.raises(UserError, match=r"kept did not take the results \(ConnectionError: no route\)"):
        send_folder(out, "kept", Kept(fails=99), [], Sender(backoff=0.001))
    with pytest.raises(UserError, match=r"holds no run|missing"):
        send_folder(tmp_path / "none", "kept", tracker, [])


def test_rows_that_a_tracker_can_only_add_are_sent_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was sent is remembered by the folder, for each place apart; a cell that changed is sent again."""
    out = tmp_path / "out"
    followed(Kept(), out, Sender())
    first, cells = Kept(), 4
    assert send_folder(out, "kept", first, []) == cells and first.known == [True] * cells, "sent during the run"
    (file,) = out.glob("trackers/kept-*.json")
    run("fake", TASKS[0], DECODERS[0], limit=3, out=out, progress=False)
    grown = Kept()
    send_folder(out, "kept", grown, [])
    assert sorted(grown.known) == [False, True, True, True], "one cell has another sample"
    elsewhere = Kept(place="kept elsewhere")
    send_folder(out, "kept", elsewhere, [])
    assert elsewhere.known == [False] * cells
    broken = Kept(fails=3)
    with pytest.raises(UserError):
        send_folder(out, "kept", broken, [], Sender(backoff=0.001))
    for damage in (b"{", b"[1]", b'{"a": 1}', b"", b"\xff", b"[" * 9000):
        file.write_bytes(damage)
        repeated = Kept()
        send_folder(out, "kept", repeated, [])
        assert repeated.known == [False] * cells, "a file that cannot be read counts as none"
    again = Kept()
    send_folder(out, "kept", again, [], again=True)
    assert again.known == [False] * cells
    assert not read_run(out).unfinished and call(capsys, "repair", out)[0] == 0 and file.is_file()


def test_a_tracker_that_is_slow_all_the_time_is_given_up_at_the_end() -> None:
    sender = Sender(patience=60)
    for _ in range(50):
        sender.put(lambda: time.sleep(0.05))
    began = time.perf_counter()
    sender.end(0.1)
    assert time.perf_counter() - began < 1 and sender.failure == "it has not taken everything within 0.1 s"


def test_python_names_trackers_as_the_command_line_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker, out = Kept(), tmp_path / "out"
    monkeypatch.setattr(load, "load_tracker", lambda spec: tracker)
    monkeypatch.setattr(report, "write_report", lambda folder: Path(shutil.copy(folder / "run.json", folder / "report.html")))
    run("fake", TASKS[0], DECODERS[0], limit=2, out=out, track="kept", progress=False)
    run_sweep(
        Sweep.model_validate({"models": "fake", "tasks": TASKS[1], "decoders": DECODERS[0], "limit": 2}), out, track=["kept"]
    )
    assert len(tracker.cells) == 2 and [len(cells) for cells, _ in tracker.closed] == [1, 2]
    monkeypatch.undo()
    with pytest.raises(UserError, match="track needs a run folder that stays"):
        run("fake", TASKS[0], DECODERS[0], limit=2, track="mlflow")
    with pytest.raises(UserError, match="unknown tracker 'wand'; did you mean 'wandb'"):
        run("fake", TASKS[0], DECODERS[0], limit=2, out=tmp_path / "other", track="wand")
    assert not (tmp_path / "other").exists()


def test_a_merged_folder_is_another_run(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for out, task in ((one, TASKS[0]), (two, TASKS[1])):
        run("fake", task, DECODERS[0], limit=2, out=out, progress=False)
    assert cli.invoke(["merge", str(one), str(two), "-o", str(tmp_path / "both")]) == 0
    assert len({run_facts(tmp_path / name).id for name in ("one", "two", "both")}) == 3


def test_scores_that_were_computed_later_are_sent_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = finished(tmp_path)
    assert call(capsys, "score", out, "-j", 1, "-m", "list_exact_strict")[0] == 0
    path = next(out.glob("cells/*/scores/list_exact_strict.jsonl"))
    path.write_text(path.read_text().replace('"value":1.0', '"value":0.25'))
    assert cell_facts(out, finished_cells(out)[0]).numbers["score_list_exact_strict"] == 0.25


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("wand", "unknown tracker 'wand'; did you mean 'wandb'"),
        ("wandb:projekt=x", "has no key 'projekt'; did you mean 'project'"),
        ("mlflow:uri=", "is not key=value"),
        ("trackio:project=''", "'project'"),
        ("none", "unknown tracker 'none'"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spec: str, said: str
) -> None:
    code, _, err = call(capsys, *WORDS, tmp_path / "out", "--track", spec)
    assert code == 2 and said in err and err.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["wandb", "mlflow", "trackio"])
def test_a_missing_package_names_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, name, None)
    code, _, err = call(capsys, *WORDS, tmp_path / "out", "--track", name)
    assert code == 2 and f"pip install 'parallelbench[{name}]'" in err


def test_a_run_sends_its_report_and_its_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker, out = Kept(), tmp_path / "out"
    monkeypatch.setattr(load, "load_tracker", lambda spec: tracker)
    monkeypatch.setattr(report, "write_report", lambda folder: Path(shutil.copy(folder / "run.json", folder / "report.html")))
    assert call(capsys, *WORDS, out, "--track", "kept")[0] == 0
    ((cells, files),) = tracker.closed
    assert [path.name for path in files] == ["report.html", "summary.json"] and all(path.is_file() for path in files)
    means = [row["accuracy"] for row in json.loads((out / "summary.json").read_text())["results"]]
    assert [one.numbers["accuracy"] for one in cells] == means
    assert call(capsys, "track", out, "--to", "kept")[1] == "kept: 1 cells sent\n" and len(tracker.runs) == 2


def test_trackio_is_called_as_its_documentation_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in: its package brings a web server that is too heavy to install for a test."""
    calls: list[tuple[str, dict[str, Any]]] = []
    module: Any = type(__import__("sys"))("trackio")
    module.init = lambda **options: calls.append(("init", options))
    module.log = lambda row: calls.append(("log", row))
    module.finish = lambda: calls.append(("finish", {}))
    module.Table = lambda dataframe: dataframe.to_dict("records")
    monkeypatch.setitem(__import__("sys").modules, "trackio", module)
    out, _ = finished(tmp_path)
    for _ in range(2):
        send_folder(out, "trackio:project=mine", load.load_tracker("trackio:project=mine"), [])
    assert [name for name, _ in calls] == ["init", "log", "log", "finish", "init", "finish"], "no row is added twice"
    assert calls[0][1]["project"] == "mine" and calls[0][1]["resume"] == "allow"
    assert calls[1][1]["accuracy"] == calls[2][1]["cells"][0]["accuracy"] == 1.0
