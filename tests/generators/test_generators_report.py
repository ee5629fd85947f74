"""Generators beside decoders, in results and on the page: what is unknown is said to be so, and drawn nowhere."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import fake_model  # noqa: F401  (registers the fake model)
import pytest
from chat_server import Server
from rich.console import Console

from parallelbench.analysis import frame as tables
from parallelbench.analysis.loss import reference_curve
from parallelbench.api import run_sweep
from parallelbench.cli.tables import results_table
from parallelbench.experiments.spec import Sweep
from parallelbench.report import write_report
from parallelbench.results import Results

TASKS = ("waiting_line/copy:lengths=[3],shots=0", "waiting_line/shuffle:lengths=[3],shots=0")
DECODERS = ("confidence:k=[1,4]",)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    with (
        pytest.MonkeyPatch.context() as patch,
        Server(lambda messages: '["A B"] </script>', models=("known", "silent")) as server,
    ):
        patch.setenv("INCEPTION_API_KEY", "inception-key")
        models = ("fake", f"openai:known@{server.url}/v1", f"openai:silent@{server.url}/v1,forwards=unknown",
                  f"mercury:known@{server.url}/v1")  # fmt: skip
        out = tmp_path_factory.mktemp("generators") / "out"
        yield run_sweep(Sweep(models=models, tasks=TASKS, decoders=DECODERS, limit=4), out)


def test_a_generator_has_one_cell_a_task_whatever_the_decoders(results: Results) -> None:
    decoders = {(row.model.partition("@")[0], row.decoder.partition(":")[0]) for row in results.rows}
    assert decoders == {("fake", "confidence"), ("known", "builtin"), ("silent", "builtin")}
    assert len(results.rows) == 2 * 2 + 3 * 2


def test_results_say_unknown_and_never_zero(results: Results) -> None:
    silent = [row for row in results.rows if row.model == "silent"]
    assert all((row.nfe, row.tokens_per_step, row.content_tokens_per_forward) == (None, None, None) for row in silent)
    assert all(row.seconds > 0 and row.samples == 4 for row in silent)
    known = [row for row in results.rows if "forwards=tokens" in row.decoder]
    assert all(
        row.nfe == 5 and row.tokens_per_step == 1.0 and row.content_tokens_per_forward == pytest.approx(0.6) for row in known
    )
    assert all(row.nfe == 3 for row in results.rows if "diffusing" in row.decoder)
    json.dumps(results.summary_json(), allow_nan=False)
    assert results_table(results.rows, Console(width=200)).row_count == len(results.rows)
    overall = tables.overall(tables.points(results.frame))
    assert math.isnan(overall.set_index("model").loc["silent", "nfe"])


def test_losses_are_read_off_a_curve_and_a_single_setting_is_none(results: Results) -> None:
    points = tables.points(results.frame)
    assert reference_curve(points) == "confidence"
    assert reference_curve(points[points["family"] == "builtin"]) is None


def test_the_page_shows_them_and_draws_only_what_is_known(results: Results) -> None:
    text = write_report(results.out).read_text(encoding="utf-8")
    assert "NaN" not in re.sub(r"<script[^>]*>.*?</script>", "", text, flags=re.DOTALL)
    assert ">nan<" not in text and "nan tokens" not in text and "None forwards" not in text
    assert "unknown forwards" in text and "3 forwards" in text
    assert "[&#34;A B&#34;] &lt;/script&gt;" in text, "an answer without tokens is still shown"
    with (results.out / "figures" / "tradeoff.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"].partition("@")[0] for row in rows} == {"fake", "known", "silent"}
    assert all(
        bool(row["tokens_per_step"]) == (row["model"] != "silent") and float(row["seconds_per_sample"]) > 0 for row in rows
    )


def test_a_page_of_unknown_forwards_alone_has_tables_and_draws_seconds(tmp_path: Path) -> None:
    with Server(lambda messages: "no", models=("silent",)) as server:
        sweep = Sweep(models=(f"openai:silent@{server.url}/v1,forwards=unknown",), tasks=TASKS, limit=2)
        out = run_sweep(sweep, tmp_path / "out").out
    assert "mean over tasks" in write_report(out).read_text(encoding="utf-8")
    with (out / "figures" / "tradeoff.csv").open(encoding="utf-8") as file:
        (point,) = csv.DictReader(file)
    assert float(point["seconds_per_sample"]) > 0 and point["tokens_per_step"] == ""
