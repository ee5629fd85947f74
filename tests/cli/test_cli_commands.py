"""The command line as its users meet it: one process each where exit codes and streams matter."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fake_model  # noqa: F401  (registers the fake model)
import pytest
from rich.console import Console

from parallelbench import cli
from parallelbench.cli.app import COMMANDS
from parallelbench.cli.tables import NUMBERS, results_table
from parallelbench.results import Result
from parallelbench.specs import split_specs
from parallelbench.tasks import TASKS
from parallelbench.training.recipes import RECIPES, TINY

RUN = ["run", "-m", "fake", "-t", "waiting_line/copy", "-d", "confidence:k=4", "--json", "--limit", "3"]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.invoke(arguments)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    script = (
        "import sys, parallelbench.cli.app as c; c.build_app(['run']); print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "typer" in loaded
    assert not {"torch", "pandas", "pydantic", "duckdb", "altair", "transformers", "numpy", "yaml", "jinja2"} & set(loaded)


@pytest.mark.parametrize(
    ("given", "specs"),
    [
        (["a,b"], ["a", "b"]),
        (["waiting_line/shuffle:lengths=[3,4],shots=0"], ["waiting_line/shuffle:lengths=[3,4],shots=0"]),
        (["a:x=[1,2],y=3,b,c:z=1", "d"], ["a:x=[1,2],y=3", "b", "c:z=1", "d"]),
        (["my_task.yaml:shots=0, waiting_line/copy"], ["my_task.yaml:shots=0", "waiting_line/copy"]),
        (["confidence:k=[1,2],block=8,threshold:gamma=0.9"], ["confidence:k=[1,2],block=8", "threshold:gamma=0.9"]),
    ],
)
def test_comma_lists_split_where_a_new_name_begins(given: list[str], specs: list[str]) -> None:
    assert split_specs(given) == specs


def test_the_help_names_every_command_with_the_first_line_of_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--help")
    assert code == 0 and "..." not in out.partition("Options")[2]
    for name, summary in COMMANDS.items():
        assert summary in out
        module = importlib.import_module(f"parallelbench.cli.{name.replace('-', '_')}_command")
        assert inspect.getdoc(module.command).partition("\n")[0] == summary


def test_run_prints_a_table_and_ends_in_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = "waiting_line/copy:lengths=[3,4],shots=0,puzzle/sudoku_n4_12"
    arguments = ["run", "-m", "fake", "-t", tasks, "-d", "confidence:k=[4,8]", "-d", "threshold", "--limit", "3", "--json"]
    code, out, err = call(capsys, *arguments, "-o", str(tmp_path / "out"))
    assert (code, err) == (0, "")
    last = json.loads(out.splitlines()[-1])
    assert set(last) == {"out", "cells", "samples", "results"}
    assert (last["out"], last["cells"], last["samples"]) == (str(tmp_path / "out"), 6, 18)
    keys = {"task", "model", "decoder", "accuracy", "ci95", "nfe", "tokens_per_step", "content_tokens_per_forward", "seconds"}
    assert all(set(result) == keys for result in last["results"])
    first = last["results"][0]
    assert (first["task"], first["decoder"], first["nfe"], first["tokens_per_step"]) == (
        "waiting_line/copy",
        "confidence:k=4",
        8,
        4,
    )
    assert first["ci95"][0] <= first["accuracy"] <= first["ci95"][1]
    assert last["results"][2]["decoder"] == "threshold:gamma=0.9"
    for words in ("95 % interval", "content_tokens_per_forward", "puzzle/sudoku_n4_12", "6 cells, 18 samples", "[18/18]"):
        assert words in out


def test_the_same_command_again_prints_the_same_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*RUN, "-o", str(tmp_path / "out")]
    _, first, _ = call(capsys, *arguments)
    code, again, _ = call(capsys, *arguments)
    assert code == 0
    assert again.splitlines()[-1] == first.splitlines()[-1]
    assert "1 cells, 3 samples, 3 of them on disk" in again


def test_a_run_without_a_folder_gets_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    outs = []
    for limit in ("2", "3"):
        _, out, _ = call(capsys, *RUN[:-1], limit)
        outs.append(json.loads(out.splitlines()[-1])["out"])
    assert outs[0] == outs[1]
    assert (tmp_path / outs[0] / "run.json").is_file()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["-t", "waiting_line/shufle"], "unknown task 'waiting_line/shufle'; did you mean 'waiting_line/shuffle'"),
        (["-d", "confidense:k=2"], "unknown decoder 'confidense'; did you mean 'confidence'"),
        (["-m", "tinny"], "unknown model 'tinny'; did you mean 'tiny'"),
        (["-d", "confidence:kk=2"], "has no key 'kk'; did you mean 'k'"),
        (["-d", "confidence:k=0"], "'k' is 0"),
        (["-d", "confidence:k=true"], "k is true, but a number is wanted"),
        (["-d", "threshold:gamma=1.5"], "'gamma' is 1.5"),
        (["-d", "confidence:k=2,block=5"], "cannot be divided into blocks of 5"),
        (["-d", "confidence:k=[]"], "'k=[]' in 'confidence:k=[]' is an empty list"),
        (["-d", "confidence:k=2020-13-45"], "'k' is '2020-13-45'"),
        (["-t", "waiting_line/copy:samples=10000000000"], "'samples' is 10000000000"),
        (["--device", "banana"], "there is no device 'banana' here; use cpu"),
        (["--device", "meta"], "there is no device 'meta' here; use cpu"),
        (["--data-dir", "nowhere"], "add --suite with one of them"),
        (["--suite", "official"], "--data-dir"),
        (["--suite", "official", "--data-dir", "nowhere"], "nowhere"),
        (["--suite", "theirs"], "'suite' is 'theirs'"),
        (["--limit", "0"], "Invalid value for '--limit'"),
        (["--sed", "1"], "No such option"),
    ],
)
def test_a_mistake_is_one_sentence_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], said: str
) -> None:
    out = tmp_path / "out"
    at = {flag: RUN[RUN.index(flag) + 1] for flag in ("-m", "-t", "-d", "--limit")} | {"-o": str(out)}
    at |= dict(zip(change[::2], change[1::2], strict=True))
    code, stdout, stderr = call(capsys, "run", *(part for pair in at.items() for part in pair))
    assert (code, stdout) == (2, "")
    assert said in stderr
    assert stderr.count("\n") == 1
    assert not out.exists(), "nothing half-written"


def test_a_mistake_shows_no_traceback_in_a_real_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "parallelbench", "report", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"{tmp_path / 'none'} holds no run; give a folder that 'parallelbench run -o' or 'sweep -o' has written.\n"
    )


def test_sweep_runs_a_file_and_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "sweep.yaml"
    spec.write_text("models: fake\ntasks: ['waiting_line/re*']\ndecoders: ['random:k=[8,16]']\nseeds: [0, 1]\nlimit: 2\n")
    code, out, _ = call(capsys, "sweep", str(spec), "-o", str(tmp_path / "out"), "--dry-run", "--json")
    last = json.loads(out.splitlines()[-1])
    said = {key: last[key] for key in ("cells", "samples", "missing", "dry_run", "out")}
    assert (code, said) == (0, {"cells": 20, "samples": 40, "missing": 40, "dry_run": True, "out": str(tmp_path / "out")})
    assert last["forwards"] == {"expected": 20 * (4 + 2), "exact": 20 * (4 + 2), "records": 0, "bound": 0}
    assert "waiting_line/replace_index" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.yaml"]
    code, out, _ = call(capsys, "sweep", str(spec), "-o", str(tmp_path / "out"), "--limit", "1", "--json")
    last = json.loads(out.splitlines()[-1])
    assert (code, last["samples"], {result["seed"] for result in last["results"]}) == (0, 20, {0, 1})


def test_list_names_everything_that_is_registered(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "list", "tasks")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, TASKS.names())
    for kind, name in (("models", "tiny"), ("decoders", "threshold"), ("metrics", "list_exact_strict")):
        assert name in call(capsys, "list", kind)[1]
    code, _, err = call(capsys, "list", "modles")
    assert (code, "did you mean 'models'" in err) == (2, True)


def test_show_prints_the_prompt_and_what_the_answer_scores_without_torch() -> None:
    arguments = ["show", "task", "waiting_line/sort:lengths=[4]", "-n", "2"]
    command = [sys.executable, "-X", "importtime", "-m", "parallelbench", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("=== waiting_line/sort@1/0/") == 2
    assert done.stdout.count("list_exact 1") == 2
    assert "last name" in done.stdout
    assert "| torch" not in done.stderr


def test_show_and_report_explain_their_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "show", "tusk", "waiting_line/copy")[0] == 2
    assert call(capsys, "show", "task", "waiting_line/cpy")[0] == 2
    (tmp_path / "run.json").write_text("{")
    code, _, err = call(capsys, "report", str(tmp_path))
    assert (code, "run.json is damaged" in err) == (2, True)
    (tmp_path / "run.json").write_text('{"schema": 3, "created": 5}')
    for command in ("report", "score"):
        extra = ["--metric", "grammar"] if command == "score" else []
        code, _, err = call(capsys, command, str(tmp_path), *extra)
        assert (code, "run.json has no good 'created'; 'parallelbench repair" in err) == (2, True)


def test_a_narrow_terminal_leaves_numbers_out_and_no_names() -> None:
    row = Result(
        "waiting_line/replace_index", "tiny", "threshold:gamma=0.9,block=8", 0, 25, 0.5, (0.3, 0.7), 8.0, 4.0, 2.0, 1.0
    )
    for width, columns in ((160, 6), (112, 4), (80, 2), (70, 1)):
        where = Console(width=width, file=io.StringIO())
        where.print(results_table([row], where))
        lines = where.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert len(lines) == 2 and all(len(line) <= width for line in lines)
        assert row.task in lines[1] and row.decoder in lines[1] and "50.0 %" in lines[1]
        assert sum(name in lines[0] for name in NUMBERS) == columns
    where = Console(width=30, file=io.StringIO())
    where.print(results_table([row], where))
    assert "50.0 %" in where.file.getvalue()  # type: ignore[attr-defined]


def test_train_writes_a_checkpoint_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tuple(replace(stage, mixture=tuple(replace(group, batch=4) for group in stage.mixture)) for stage in TINY.stages)
    monkeypatch.setitem(RECIPES, "tiny", replace(TINY, stages=small, samples_per_task=10))
    recipe = "tiny:steps=1,layers=2,threads=1,hidden_size=96,heads=3,mlp_size=16"
    code, out, _ = call(capsys, "train", recipe, "-o", str(tmp_path / "model"))
    assert (code, out.splitlines()[-1]) == (0, str(tmp_path / "model"))
    model, run = f"path:{tmp_path / 'model'}", ["-t", "waiting_line/copy", "-d", "all_at_once", "--limit", "2", "--json"]
    code, out, _ = call(capsys, "run", "-m", model, *run, "-o", str(tmp_path / "out"))
    assert (code, json.loads(out.splitlines()[-1])["samples"]) == (0, 2)
    for wrong, said in (("tiny:step=3", "did you mean 'steps'"), ("huge", "unknown recipe 'huge'")):
        code, _, err = call(capsys, "train", wrong, "-o", str(tmp_path / "other"))
        assert (code, said in err, (tmp_path / "other").exists()) == (2, True, False)
    code, _, err = call(capsys, "train", recipe.replace("layers=2", "layers=3"), "-o", str(tmp_path / "model"))
    assert (code, "is being trained with layers=2, not 3" in err) == (2, True)
    code, _, err = call(capsys, "train", recipe, "-o", str(tmp_path / "out"))
    assert (code, "holds files that are no training" in err) == (2, True)
    (tmp_path / "model" / "checkpoint.pt").write_bytes(b"torn")
    code, _, err = call(capsys, "train", recipe, "-o", str(tmp_path / "model"))
    assert (code, "checkpoint.pt is damaged" in err) == (2, True)


OFFICIAL = Path(__file__).parents[3] / "shared" / "official" / "test"


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official data is not beside the checkout")
def test_the_official_suite_runs_and_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    official = [
        "--json",
        "--allow-short-canvas",
        "--suite",
        "official",
        "--data-dir",
        str(OFFICIAL),
        "-o",
        str(tmp_path / "out"),
    ]
    code, out, _ = call(
        capsys, "run", "-m", "fake:errors=0.0", "-d", "confidence:k=8", "-t", "waiting_line/c*", "--limit", "3", *official
    )
    result = json.loads(out.splitlines()[-1])["results"][0]
    assert (code, result["task"], 0 <= result["accuracy"] <= 1) == (0, "waiting_line/copy", True)
    official[-1] = str(tmp_path / "text")
    code, out, _ = call(
        capsys, "run", "-m", "fake", "-d", "all_at_once", "-t", "words_to_sentence/easy", "--limit", "2", *official
    )
    assert (code, json.loads(out.splitlines()[-1])["results"][0]["task"]) == (0, "words_to_sentence/easy")
