"""The paper's numbers beside ours: hollow in the same panels, cell by cell in a table, or left out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fake_model import FakeDenoiser, FakeOptions

from parallelbench import cli
from parallelbench.analysis.blocks import by_block
from parallelbench.analysis.published import compared, independent_difference, published_numbers, published_points
from parallelbench.analysis.stats import wilson
from parallelbench.api import run
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import load_decoder
from parallelbench.models import MODELS
from parallelbench.paper import figure_numbers, published
from parallelbench.registry import Entry
from parallelbench.report.blocks import blocks
from parallelbench.report.data import ReportData, read_report_data
from parallelbench.report.looks import Looks
from parallelbench.report.published import beside_published, mean_rows
from parallelbench.report.speeds import known_units
from parallelbench.report.tradeoff import by_task
from parallelbench.results import Results
from parallelbench.runs.folder import StoredRun
from parallelbench.schema import DecoderFacts

TASKS = ["waiting_line/copy", "waiting_line/shuffle", "waiting_line/sort:shots=0"]
DECODERS = ["confidence:k=[1,2,3]", "confidence:k=2,block=[2,4,8]", "threshold:gamma=0.9", "credit:gamma=0.9"]
BUILTIN = DecoderFacts("builtin", "builtin", {}, speed={}, variant={}, adaptive=False)
BLOCKS = [f"confidence:k=2,block={length}" for length in (2, 4, 8)]


class Published(FakeDenoiser):
    """The fake model under the name of a published one."""

    @property
    def info(self) -> ModelInfo:
        return replace(super().info, name="llada-1.5")


def load(rest: str, device: str | None = None) -> Published:
    return Published(FakeOptions())


MODELS.register("fake-published", Entry(f"{__name__}:load", "for tests"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run("fake-published", TASKS, DECODERS, limit=2, out=tmp_path_factory.mktemp("published") / "out")


@pytest.fixture(scope="module")
def data(results: Results) -> ReportData:
    return read_report_data(results.out)


def test_each_cell_with_a_published_twin_is_compared(data: ReportData) -> None:
    """k = 1 and 2, blocks of 2, 4 and 8 (Figure 5) and gamma = 0.9 are published for each task; k = 3 and credit are not."""
    rows = data.compared
    assert len(rows) == 3 * 6
    assert set(rows["decoder"]) == {"confidence:k=1", "confidence:k=2", *BLOCKS, "threshold:gamma=0.9"}
    blocks = rows[(rows["decoder"] == "confidence:k=2,block=4") & (rows["task"] == "waiting_line/shuffle")]
    assert blocks["published"].item() == 0.14 and blocks["source"].item().startswith("arXiv")
    assert ((rows["difference_low"] <= 0) & (rows["difference_high"] >= 0)).tolist() == rows["inside"].tolist()
    assert not rows["source"].str.contains("7b93009").any(), "the re-run has other prompts"


def test_hollow_points_are_whole_curves_of_the_decoders_that_ran(data: ReportData) -> None:
    shuffle = data.published[data.published["task"] == "waiting_line/shuffle"]
    assert set(shuffle["family"]) == {"confidence", "threshold"} and not shuffle["other"].any()
    assert len(shuffle) == 6 + 6 + 3, "six k, six gamma, and the block lengths that ran"
    means = mean_rows(data, [{"model": "llada-1.5"}])
    assert {row["decoder"] for row in means} >= {"confidence:k=32", "threshold:gamma=0.5"}
    more = replace(data, points=pd.concat([data.points, data.points.assign(model="another", task="another task")]))
    assert mean_rows(more, [{"model": "llada-1.5"}]) == means, "a mean is over the tasks of its model"
    fewer = replace(data, published=data.published[data.published["task"] != "waiting_line/copy"])
    assert mean_rows(fewer, [{"model": "llada-1.5"}]) == [], "a mean over other tasks is not beside ours"


def test_the_section_counts_and_says_what_differs(data: ReportData) -> None:
    section = beside_published(data)
    assert section is not None
    assert "of 18 results are within" in section.text and "sorts by first name" in section.text
    assert "RCR" not in section.text and len(section.tables[0].rows) == 18


def test_a_decoder_in_three_block_lengths_has_a_figure_by_block(data: ReportData) -> None:
    section = blocks(data)
    assert section is not None
    (figure,) = section.figures
    assert sorted(row["block"] for row in figure.rows if row["task"] == "waiting_line/shuffle") == [2, 4, 8]
    drawn = figure.spec["datasets"]["rows"]
    theirs = {row["block"]: row["accuracy"] for row in drawn if "of" in row and row["task"] == "waiting_line/shuffle"}
    assert theirs == {2: 0.98, 4: 0.14, 8: 0.23}
    two = data.points[data.points["decoder"] != "confidence:k=2,block=8"]
    assert by_block(data.run, two).empty, "two block lengths are no curve"


def test_a_figure_has_a_colour_for_each_family_however_they_are_listed() -> None:
    looks = Looks(["confidence", "random", "threshold"])
    listed = looks.colour(["random", "confidence"]).to_dict()
    assert looks.colour(name for name in ("random", "confidence")).to_dict() == listed
    assert listed["scale"]["domain"] == ["confidence", "random"]


def test_the_figures_draw_them(data: ReportData) -> None:
    (figure,) = by_task(data).figures
    assert "Hollow points, where speed is tokens per step: published for LLaDA 1.5 8B." in figure.caption
    drawn = json.dumps(figure.spec["spec"])
    assert "isValid(datum.of)" in drawn and "compared with" not in drawn and '"field": "line"' not in drawn, (
        "no line, no legend of lines"
    )


def test_the_command_leaves_them_out(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []

    def write(*runs: Path, with_published: bool, **more: object) -> Path:
        said.append(with_published)
        return runs[0]

    monkeypatch.setattr("parallelbench.report.write_report", write)
    monkeypatch.setattr("parallelbench.experiments.scoring.label_run", lambda run: None)
    assert cli.invoke(["report", str(results.out)]) == cli.invoke(["report", str(results.out), "--no-published"]) == 0
    assert said == [True, False]
    without = read_report_data(results.out, with_published=False)
    (figure,) = by_task(without).figures
    assert (
        beside_published(without) is None
        and "Hollow" not in figure.caption
        and "isValid(datum.of)" not in json.dumps(figure.spec)
    )


def of(stored: StoredRun, **changed: object) -> StoredRun:
    """The run as if its cells had other values."""
    cells = [replace(one, files=tuple(replace(f, cell=replace(f.cell, **changed)) for f in one.files)) for one in stored.cells]
    return replace(stored, cells=tuple(cells))


def test_a_model_that_was_never_published_has_the_papers_main_model_beside_it(data: ReportData) -> None:
    mine = of(data.run, model="mine")
    found = published_points(mine)
    assert found["other"].all() and set(found["of"]) == {"LLaDA 1.5 8B"}
    assert compared(mine, data.points.assign(model="mine")).empty, "two models have no difference that means anything"


def test_the_papers_unit_of_speed_comes_first_where_numbers_are_compared(data: ReportData) -> None:
    ours = {"tokens_per_step": 2.0, "content_tokens_per_forward": 1.0, "nfe": 16.0}
    theirs = {"tokens_per_step": 2.0, "of": "LLaDA 1.5 8B", "other": False, "line": "published"}
    assert [unit.column for unit in known_units([ours, theirs])][:2] == ["tokens_per_step", "content_tokens_per_forward"]
    assert known_units([ours, {**theirs, "other": True}]) == known_units([ours])
    assert known_units([ours])[0].column == "content_tokens_per_forward"


def test_a_cache_has_the_numbers_of_that_cache(data: ReportData) -> None:
    found = published_points(of(data.run, cache="prefix"))
    one = found[(found["decoder"] == "confidence:k=1") & (found["task"] == "waiting_line/shuffle")]
    assert one["accuracy"].item() == 0.78
    assert published_points(of(data.run, cache="dual")).empty
    assert published_points(of(data.run, task_spec="waiting_line/copy:lengths=[9]", task="waiting_line/copy")).empty


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Newcombe 1998 (Statistics in Medicine 17, 873), his example (a): 56/70 against 48/80."""
    found = independent_difference(56 / 70, wilson(56, 70), 48 / 80, wilson(48, 80))
    assert found == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert independent_difference(1.0, wilson(100, 100), 1.0, wilson(100, 100))[0] < 0 < 0.05


def test_the_join_finds_every_published_row_that_has_a_setting(data: ReportData) -> None:
    """A cell of each row's model, task, decoder and cache gets the row's number, and where page and table differ the page's."""
    cell = data.run.cells[0].cell
    pages = published().rename(columns={"spec": "setting"}).assign(cache="none")
    others = figure_numbers().rename(columns={"decoder": "setting"})
    columns = ["model", "task", "setting", "cache", "accuracy", "source"]
    facts_of = {spec: load_decoder(spec).facts for spec in {*pages["setting"], *others["setting"]} - {"builtin"}}
    facts_of["builtin"] = replace(BUILTIN, variant={"temperature": 0.0})
    found, twice = 0, 0
    for model, task, setting, cache, accuracy, source in pd.concat([pages[columns], others[columns]]).itertuples(index=False):
        facts = facts_of[setting]
        twin = replace(cell, model=model, task=task.partition(":")[0], task_spec=task, cache=cache, decoder_facts=facts)
        (number,) = published_numbers(twin)
        assert (number.accuracy, number.source) == (accuracy, source) or source.startswith("arXiv"), (model, task, setting)
        found += 1
        twice += number.source != source
    assert (found, twice) == (7441 + 1216, 28), "four models with k = 2 on five text tasks and two puzzles are in both"
