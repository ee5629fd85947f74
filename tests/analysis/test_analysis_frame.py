"""The tables that DuckDB reads from a run folder, against sums over its lines."""

from __future__ import annotations

import json
import math
from pathlib import Path

import fake_model  # noqa: F401  (registers the fake model)
import pandas as pd
import pytest

from parallelbench.analysis import frame
from parallelbench.analysis.loss import headline, losses, reference_curve
from parallelbench.api import run, run_sweep
from parallelbench.experiments.spec import Sweep
from parallelbench.schema import FIXED_SUITES
from parallelbench.specs import build

TASKS = ["waiting_line/copy", "waiting_line/shuffle"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    decoders = ["confidence:k=[1,2,4,8]", "threshold:gamma=[0.5,0.8,0.9,1.0]", "confidence:k=4,block=8"]
    return run("fake:errors=0.6", TASKS, decoders, limit=8, out=tmp_path_factory.mktemp("frame") / "out").out


def test_cells_are_sums_over_their_lines_in_the_order_of_the_plan(out: Path) -> None:
    table = frame.cells(frame.samples(out))
    assert list(table["cell"]) == list(json.loads((out / "calls" / "0001.json").read_text())["cells"])
    for row in frame.as_rows(table):
        lines = [json.loads(line) for line in (out / "cells" / row["cell"] / "records.jsonl").read_text().splitlines()]
        metric = "list_shuffle" if "shuffle" in row["task"] else "list_exact"
        assert row["n"] == len(lines) == 8
        assert row["accuracy"] == pytest.approx(sum(line["scores"][metric] for line in lines) / 8)
        assert row["nfe"] == pytest.approx(sum(line["nfe"] for line in lines) / 8)
        assert row["tokens_per_step"] == pytest.approx(sum(line["canvas_tokens"] / line["nfe"] for line in lines) / 8)
        assert row["seconds"] == pytest.approx(sum(line["seconds"] for line in lines))


def test_points_know_their_curve_and_the_mean_is_over_tasks(out: Path) -> None:
    table = frame.points(frame.samples(out))
    assert set(table["series"]) == {"confidence", "confidence:block=8", "threshold"}
    mean = frame.overall(table)
    assert len(mean) == 9
    first = mean[mean["decoder"] == "confidence:k=1"].iloc[0]
    assert first["accuracy"] == pytest.approx(table[table["decoder"] == "confidence:k=1"]["accuracy"].mean())
    assert first["low"] <= first["accuracy"] <= first["high"]


def test_losses_start_at_one_token_per_step_on_the_fixed_curve(out: Path) -> None:
    samples = frame.samples(out)
    table = frame.points(samples)
    assert reference_curve(table) == "confidence"
    lost = losses(table, "confidence")
    assert set(lost["speed"]) == {1, 2, 4, 8}
    assert (lost[lost["speed"] == 1]["loss"] == 0).all()
    top = headline("fake", samples, frame.overall(table), lost)
    assert top.speed == 4 and top.baseline is not None and top.baseline["decoder"] == "confidence:k=1"
    assert top.baseline["tokens_per_step_low"] <= top.baseline["tokens_per_step"] <= top.baseline["tokens_per_step_high"]
    assert reference_curve(table[table["decoder"] == "confidence:k=8"]) is None


def test_several_forms_of_one_task_or_model_are_kept_apart(tmp_path: Path) -> None:
    asked = {"models": ["fake", "fake:revision=two"], "tasks": ["waiting_line/copy", "waiting_line/copy:lengths=[3]"]}
    sweep = build(Sweep, "sweep", {**asked, "decoders": "confidence:k=8", "limit": 2})
    table = frame.points(run_sweep(sweep, tmp_path / "out").frame)
    assert set(table["task"]) == {"waiting_line/copy", "waiting_line/copy:lengths=[3]"}
    assert set(table["model"]) == {"fake@1/float32", "fake@two/float32"}
    assert list(table["n"]) == [2, 2, 2, 2]


def test_seeds_are_pooled_and_their_spread_is_told_apart(tmp_path: Path) -> None:
    asked = {"models": "fake:errors=0.9", "tasks": "waiting_line/shuffle", "decoders": "confidence:k=4", "limit": 6}
    samples = run_sweep(build(Sweep, "sweep", {**asked, "seeds": [0, 1, 2]}), tmp_path / "out").frame
    point = frame.points(samples).iloc[0]
    means = samples.groupby("seed")["accuracy"].mean()
    assert (point["n"], point["seeds"]) == (18, 3)
    assert point["seed_spread"] == pytest.approx(means.std(ddof=1))
    assert math.isnan(frame.points(samples[samples["seed"] == 1]).iloc[0]["seed_spread"])
    for suite in FIXED_SUITES:
        fixed = frame.points(samples.assign(suite=suite, index=[0, 1, 2, 3, 4, 5] * 3)).iloc[0]
        assert fixed["n"] == 6, "the same samples in every seed count once"


def test_a_run_that_has_not_begun_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 3, "created": "2026-11-28T00:00:00+00:00"}')
    samples = frame.samples(tmp_path)
    assert isinstance(samples, pd.DataFrame)
    assert samples.empty
