"""Each figure and table of the paper is one command, which any model on a laptop can run."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelbench import cli
from parallelbench.decoding import load_decoder, load_decoders
from parallelbench.errors import UserError
from parallelbench.experiments.expected import expected_nfe, size_of
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, plan
from parallelbench.experiments.spec import experiment_names, load_sweep
from parallelbench.experiments.task_specs import load_tasks
from parallelbench.paper import figure_numbers, published
from parallelbench.results import Results

NAMES = [name for name in experiment_names() if name.startswith("paper:")]
OWN_MODELS = {"paper:fig2", "paper:fig16", "paper:sedd"}
"""Experiments whose models the paper fine-tuned and did not publish."""


@pytest.fixture(scope="module")
def planned() -> dict[str, list[PlannedCell]]:
    pool = ModelPool()
    sweeps = {name: load_sweep(name) for name in NAMES if name != "paper:fig21"}  # the grid of Figure 3, with more models
    return {name: plan(sweep.model_copy(update={"models": ("tiny",), "limit": 4}), pool) for name, sweep in sweeps.items()}


def test_every_figure_and_table_has_a_name() -> None:
    names = {*NAMES, *(f"paper:{other}" for name in NAMES for other in load_sweep(name).covers)}
    figures = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 21, 22, 23, 24, 25}
    assert {f"paper:fig{number}" for number in figures} | {f"paper:table{number}" for number in (5, 6, 7)} <= names
    assert set(figure_numbers()["figure"]) <= {name.removeprefix("paper:") for name in NAMES}


def test_every_experiment_plans_on_a_laptop(planned: dict[str, list[PlannedCell]]) -> None:
    assert len(NAMES) == 15 and load_sweep("paper:fig21").decoders == load_sweep("paper:fig3").decoders
    for name, cells in planned.items():
        assert cells and all(len(cell.indices) == 4 for cell in cells), name
        texts = {cell.model for cell in cells if cell.task.name.startswith(("words_to", "paraphrase"))}
        assert texts <= {"tiny-text"}, "the shipped text model takes the tasks that tiny has no words for"


@pytest.mark.parametrize("name", sorted(set(NAMES) - OWN_MODELS))
def test_every_experiment_holds_the_settings_that_were_published(name: str) -> None:
    sweep = load_sweep(name)
    tasks = {task.spec for task in load_tasks(sweep)}
    decoders = [decoder.facts for spec in sweep.decoders for decoder in load_decoders(spec)]
    numbers = figure_numbers(name.removeprefix("paper:"))
    assert set(numbers["task"]) <= {*tasks, *(task.removesuffix(",max_new_tokens=256") for task in tasks)}
    for spec in set(numbers["decoder"]) - {"builtin"}:
        wanted = load_decoder(spec).facts.parameters
        assert any(facts.parameters == wanted for facts in decoders), spec
    assert set(numbers["cache"]) <= set(sweep.cache)


def test_figure_3_is_the_grid_of_the_paper() -> None:
    sweep = load_sweep("paper:fig9")
    assert sweep == load_sweep("paper:fig3")
    ours = {decoder.facts.family for spec in sweep.decoders for decoder in load_decoders(spec)}
    table = published(models=sweep.models, decoders=ours)
    settings = {decoder.spec for spec in sweep.decoders for decoder in load_decoders(spec)}
    assert set(table["spec"]) - settings == {f"{family}:k=64" for family in ours - {"threshold", "factor"}}
    assert set(table["task"]) == {task.name for task in load_tasks(sweep)}
    assert size_of(sweep).cells == 17 * 41


def test_the_size_of_an_experiment() -> None:
    """Blocks of 8 with k = 3 take three forwards each; a threshold has the published speed; tiny-ar has one cell a task."""
    fixed = {"confidence:k=1": 32, "confidence:k=3,block=8": 12, "all_at_once": 1}
    assert {spec: expected_nfe(load_decoder(spec), 32) for spec in fixed} == fixed
    assert expected_nfe(load_decoder("analytic:steps=5"), 32) == 5
    assert expected_nfe(load_decoder("threshold:gamma=0.9"), 32) == pytest.approx(32 / 7.03, rel=0.01)
    assert expected_nfe(load_decoder("credit:gamma=0.9"), 32) == 32
    sweep = load_sweep("dllm_vs_ar")
    decoders = sum(len(load_decoders(spec)) for spec in sweep.decoders)
    assert size_of(sweep).cells == 10 * (decoders + 1)


def test_the_list_says_what_each_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["list", "experiments"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("paper:fig3 ")]
    assert " ".join(line.split()) == "paper:fig3 697 cells 870k forwards Figure 3: 17 tasks under seven rules (llada-1.5)"


@pytest.mark.parametrize("name", ["paper:fig1", "paper:fig33", "paper:", "paper:table", "fig3", ":fig3", "paper:fig3:x"])
def test_a_name_that_is_none_is_answered_with_the_nearest(name: str) -> None:
    with pytest.raises(UserError) as caught:
        load_sweep(name)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 900


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_runs_on_a_laptop(name: str, tmp_path: Path) -> None:
    assert cli.invoke(["sweep", name, "-m", "tiny", "--limit", "4", "-o", str(tmp_path)]) == 0
    results = Results(tmp_path)
    assert results.rows and all(row.samples == 4 for row in results.rows)
    page = results.report().read_text(encoding="utf-8")
    if name not in OWN_MODELS:
        assert "published for LLaDA 1.5 8B" in page
