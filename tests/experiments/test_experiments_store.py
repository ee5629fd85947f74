"""What is on disk after everything that can go wrong."""

from __future__ import annotations

import gc
import json
import random
import signal
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_model
import pytest
from filelock import FileLock
from run_files import DECODERS, TASKS, finished, start, wait_for_lines

from parallelbench.api import run, run_sweep
from parallelbench.errors import UserError
from parallelbench.experiments import model_pool
from parallelbench.experiments.spec import Sweep
from parallelbench.models import load_model
from parallelbench.tasks import load_task
from stored_records import lines, records


def test_a_killed_run_continues_to_identical_records(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    out = tmp_path / "out"
    moments = sorted(random.Random(11).sample(range(1, 40), 3))
    for moment in moments:
        process = start(out, delay=0.02)  # slow enough to be met at work on a loaded machine
        wait_for_lines(process, out, moment)
        process.send(signal.SIGKILL)
        assert process.wait().returncode == -signal.SIGKILL
    assert 0 < lines(out) < 48
    done = start(out).wait()
    assert done.returncode == 0, done.stderr
    assert records(out) == undisturbed
    assert json.loads(done.stdout.splitlines()[-1])["samples"] == 48
    assert len(list(out.glob("cells/*/DONE"))) == 4


def test_an_interrupted_run_says_how_to_continue(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(out, delay=0.1)  # slow enough to be met at work on any machine
    wait_for_lines(process, out, 5)
    process.send(signal.SIGINT)
    done = process.wait()
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert "continue with: parallelbench run --json -m fake" in done.stderr
    assert str(out) in done.stderr
    assert lines(out) >= 5


def test_batch_size_changes_no_record(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    run("fake", TASKS, DECODERS, limit=12, batch_size=1, out=tmp_path / "out")
    assert records(tmp_path / "out") == undisturbed


def test_a_finished_run_runs_nothing_and_a_raised_limit_adds_rows(tmp_path: Path) -> None:
    out, path = finished(tmp_path)
    before = path.read_text()
    model = load_model("fake")
    assert isinstance(model, fake_model.FakeDenoiser)
    again = run(model, TASKS[0], DECODERS[0], limit=4, out=out)
    assert (model.forwards, path.read_text(), len(again.frame)) == (0, before, 4)
    run(model, TASKS[0], DECODERS[0], limit=6, out=out)
    assert path.read_text().startswith(before)
    assert path.read_text().count("\n") == 6
    assert json.loads((path.parent / "DONE").read_text()) == {"schema": 3, "rows": 6}


def test_another_process_is_refused(tmp_path: Path) -> None:
    out, _ = finished(tmp_path)
    with FileLock(out / ".lock"), pytest.raises(UserError, match="another process is writing"):
        run("fake", TASKS[0], DECODERS[0], limit=5, out=out)


def test_other_files_are_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"files that are no run \(thesis.tex\)"):
        run("fake", TASKS[0], DECODERS[0], limit=1, out=tmp_path)
    with pytest.raises(UserError, match="is a file; give a folder"):
        run("fake", TASKS[0], DECODERS[0], limit=1, out=tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_changed_prompts_are_not_mixed_into_a_cell(tmp_path: Path) -> None:
    out, path = finished(tmp_path)
    cell = path.parent / "cell.json"
    cell.write_text(cell.read_text().replace('"prompt_hash": "', '"prompt_hash": "0'))
    with pytest.raises(UserError, match="prompts of waiting_line/copy have changed"):
        run("fake", TASKS[0], DECODERS[0], limit=5, out=out)


def test_objects_and_names_make_the_same_cell(tmp_path: Path) -> None:
    from parallelbench.decoding import load_decoders
    from parallelbench.tasks import load_task

    out, _ = finished(tmp_path)
    results = run(load_model("fake"), load_task(TASKS[0]), load_decoders(DECODERS[0])[0], limit=4, out=out)
    assert [cell.name for cell in (out / "cells").iterdir()] == list(results.frame["cell"].unique())
    temporary = run("fake", TASKS[0], DECODERS[0], limit=2)
    folder = temporary.out
    assert folder.is_dir() and len(temporary.frame) == 2
    del temporary
    gc.collect()
    assert not folder.exists()  # fault 47


def test_cell_and_run_files_say_where_the_numbers_come_from(tmp_path: Path) -> None:
    out, path = finished(tmp_path)
    cell = json.loads((path.parent / "cell.json").read_text())
    assert cell["id"] == path.parent.name
    assert cell["cell"]["decoder"] == "confidence:k=4"
    (session,) = cell["sessions"]
    assert session["environment"]["packages"]["torch"] and session["samples"] == 4
    call = json.loads((out / "calls" / "0001.json").read_text())
    assert call["cells"] == {cell["id"]: 4} and call["resolved"]["limit"] == 4 and call["outcome"] == "complete"
    assert call["started"] <= session["started"] < session["ended"] <= call["ended"]  # fault 37


def test_a_cell_says_under_what_each_part_of_it_was_made(tmp_path: Path) -> None:
    out, path = finished(tmp_path)
    run(load_model("fake"), TASKS[0], DECODERS[0], limit=6, out=out, batch_size=3)
    cell = json.loads((path.parent / "cell.json").read_text())
    assert [(part["call"], part["samples"], part["batch_size"]) for part in cell["sessions"]] == [(1, 4, "auto"), (2, 2, 3)]
    calls = [json.loads(file.read_text()) for file in sorted((out / "calls").iterdir())]
    assert [call["resolved"]["limit"] for call in calls] == [4, 6]


def test_a_folder_in_which_nothing_was_begun_is_free_for_another_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="max_new_tokens"):
        run("tiny", "waiting_line/copy:max_new_tokens=5000", "all_at_once", limit=1, out=tmp_path / "out")
    assert len(run("fake", TASKS[0], DECODERS[0], limit=2, out=tmp_path / "out").frame) == 2


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((None, TASKS[0], DECODERS[0]), {}, "None is no model"),
        (("fake", None, DECODERS[0]), {}, "None is no task"),
        (("fake", TASKS[0], [5]), {}, "5 is no decoder"),
        (("fake", load_task("waiting_line/copy"), DECODERS[0]), {"shots": 2}, "are for tasks by name"),
    ],
)
def test_python_is_told_what_is_wrong_in_one_sentence(arguments: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        run(*arguments, **options)


def test_two_models_never_share_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[weakref.ref[Any]] = []
    alive: list[int] = []
    real = model_pool.describe

    def described(key: str, device: str | None = None, elsewhere: bool = False) -> Any:
        def load() -> Any:
            gc.collect()
            alive.append(sum(one() is not None for one in loaded))
            model = load_model(key, device)
            loaded.append(weakref.ref(model))
            return model

        return replace(real(key, device), load=load)

    monkeypatch.setattr(model_pool, "describe", described)
    sweep = Sweep(models=["exact:epsilon=1e-6", "exact:epsilon=1e-5"], tasks=TASKS[0], decoders="all_at_once", limit=2)
    run_sweep(sweep, tmp_path / "out")
    assert alive == [0, 0]  # each is loaded once
