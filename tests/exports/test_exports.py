"""Every form of an export is read back and holds what the run holds."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import duckdb
import fake_model  # noqa: F401  (registers the fake model)
import numpy as np
import pandas as pd
import pytest

from parallelbench import Results, cli, run
from parallelbench.analysis.best import significant_best
from parallelbench.exports.latex import escape
from parallelbench.exports.write import FORMS

TASKS = ["waiting_line/copy:lengths=[3]", "waiting_line/shuffle:lengths=[3]"]
DECODERS = ["confidence:k=4", 'confidence:k=32,label="=50%_&"']


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    out = tmp_path_factory.mktemp("exported") / "out"
    return run("fake:errors=0.5", TASKS, DECODERS, limit=16, out=out)


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.invoke([str(one) for one in arguments])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_a_flat_table_holds_every_sample(
    results: Results, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "it's here" / f"samples.{form}"
    assert call(capsys, "export", results.out, "--to", form, "-o", path) == (0, f"{path}\n", "")
    with duckdb.connect() as database:
        rows = [
            dict(zip([column[0] for column in found.description], row, strict=True))
            for found in [
                database.execute(
                    "select * from read_json(?)" if form == "jsonl" else f"select * from read_{form}(?)", [str(path)]
                )
            ]
            for row in found.fetchall()
        ]
    assert [row["sample_id"] for row in rows] == list(results.frame["sample_id"])
    assert np.allclose([row["accuracy"] for row in rows], results.frame["accuracy"])
    of_copy = [row["score_list_exact"] for row in rows if "copy" in row["task"]]
    assert np.allclose(of_copy, [one["list_exact"] for one in results.frame["scores"] if "list_exact" in one])
    assert np.allclose([row["nfe"] for row in rows], results.frame["nfe"]) and {row["law_n"] for row in rows} == {3}


def test_rows_may_be_cells(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "export", results.out, "--to", "jsonl", "--rows", "cells", "-o", "-")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [row["accuracy"] for row in rows] == [row.accuracy for row in results.rows]


def test_no_text_is_a_formula_in_a_spreadsheet(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "export", results.out, "--to", "csv", "-o", "-")[1]
    cells = {cell for row in csv.reader(io.StringIO(out)) for cell in row}
    assert any(cell.startswith("'=50%_&") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+")) or re.match(r"-\D", cell)]


def test_a_latex_table_is_whole_and_bold_only_where_it_is_sure(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "export", results.out, "--to", "latex", "--by-task", "-o", "-")
    rows = [line for line in out.splitlines() if " & " in line]
    assert code == 0 and len(rows) == 3 and all(len(re.findall(r"(?<!\\)&", row)) == 6 and row.endswith(r"\\") for row in rows)
    assert r"=50\%\_\&" in out and out.count("{") - out.count(r"\{") == out.count("}") - out.count(r"\}")
    copy, shuffle, mean = (cell for cell in rows[1].split(" & ")[1:4])
    assert r"\textbf" in shuffle and r"\textbf" in mean, "nearly always right, against never"
    by_task = {row.task: row.accuracy for row in results.rows if row.decoder != "confidence:k=4"}
    assert (r"\textbf" in copy) == (by_task["waiting_line/copy"] < 0.6)
    assert out.count(r"\textbf") <= 3 and r"\toprule" in out and r"\midrule" in out and r"\bottomrule" in out


def test_a_markdown_table_has_the_same_numbers(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "export", results.out, "--to", "markdown", "-o", "-")[1]
    found = re.findall(r"\| \**([\d.]+)\** \[", out)
    means = {row.decoder: row.accuracy for row in results.by_decoder}
    assert [float(one) for one in found] == [pytest.approx(100 * mean, abs=0.05) for mean in means.values()]


def test_lm_eval_reads_the_same_scores(results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "export", results.out, "--to", "lm-eval", "-o", tmp_path / "lm")
    files = [json.loads(Path(line).read_text()) for line in out.splitlines()]
    assert code == 0 and len(files) == 2
    found = {(one["config"]["model_args"]["decoder"], task): values for one in files for task, values in one["results"].items()}
    metrics = {"waiting_line/copy": "list_exact", "waiting_line/shuffle": "list_shuffle"}
    assert len(found) == len(results.rows) == 4
    for one in files:
        assert set(one["results"]) == set(one["configs"]) == set(one["versions"]) == set(one["n-shot"]) == set(one["n-samples"])
        for task, values in one["results"].items():
            n, metric = one["n-samples"][task]["effective"], metrics[task]
            p, error = values[f"{metric},none"], values[f"{metric}_stderr,none"]
            assert error == pytest.approx(math.sqrt(p * (1 - p) / (n - 1)))
    measured = sorted(row.accuracy for row in results.rows)
    assert sorted(values[f"{metrics[task]},none"] for (_, task), values in found.items()) == pytest.approx(measured)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "excel"], "unknown form of an export 'excel'; known are: csv, jsonl, latex, lm-eval, markdown, parquet"),
        (["--to", "parket"], "did you mean 'parquet'"),
        (["--to", "csv", "--rows", "words"], "unknown kind of row 'words'"),
        (["--to", "parquet", "-o", "-"], "name a file with -o"),
        (["--to", "csv", "-d", "nothing"], "no cell of"),
        (["--to", "csv", "-o", "/dev/null/x"], "cannot be"),
        (["--to", "csv", "-o", "/dev/null"], "/dev/null is no file that can be replaced"),
        (["--to", "parquet", "-o", "/tmp"], "/tmp is no file that can be replaced"),
        ([], "Missing option '--to'"),
    ],
)
def test_a_mistake_is_one_sentence(
    results: Results, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, out, err = call(capsys, "export", results.out, *arguments)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_run_without_samples_is_one_sentence(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text('{"schema": 3, "created": "2026-01-01T00:00:00"}')
    code, _, err = call(capsys, "export", tmp_path, "--to", form)
    assert code == 2 and "no finished samples" in err


@pytest.mark.parametrize("text", ["\\", "a\nb", "$x^2$", "{}", "100 % & #1_~", "\x1b[31m", "<|mask|>", '"'])
def test_no_text_is_a_command_in_latex(text: str) -> None:
    bare = re.sub(
        r"\\(?:textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|textquotedbl)\{\}|\\[&%$#_{}]",
        "",
        escape(text),
    )
    assert not re.search(r"[\\&%$#_{}~^<>|\"\x00-\x1f]", bare)


def test_the_best_of_equals_is_seldom_called_best() -> None:
    """The best of 8 equal settings is chosen and tested on the same samples."""
    draws = np.random.default_rng(0)
    called = 0
    for _ in range(80):
        settings: dict[str, Any] = {str(i): {"task": pd.Series((draws.random(60) < 0.6).astype(float))} for i in range(8)}
        called += bool(significant_best({"task": settings}))
    assert called <= 4
