"""The gate of the second generation of tiny plans, has the cells that it must show, and says what today's tiny never saw."""

from __future__ import annotations

from collections import Counter

import pytest

from parallelbench.cli import invoke
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, plan
from parallelbench.experiments.spec import load_sweep
from parallelbench.experiments.task_specs import load_tasks
from parallelbench.models.cards import CARDS
from parallelbench.models.familiar import differences
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.tasks.wordings import WORDINGS


@pytest.fixture(scope="module")
def gate() -> list[PlannedCell]:
    """The cells with two samples each, so that planning takes a second."""
    return plan(load_sweep("tiny2_gate").model_copy(update={"limit": 2}), ModelPool())


def test_every_cell_that_has_a_bar_is_there_once_for_each_seed(gate: list[PlannedCell]) -> None:
    def key(one: PlannedCell) -> tuple[object, ...]:
        options = one.cell.task_options
        return one.cell.task, tuple(options.get("lengths", ())), options["wording"], one.cell.shots, one.cell.seed

    expected = {
        (task, lengths, wording, shots, seed)
        for wording in WORDINGS
        for shots in (0, 1)
        for seed in (1, 2, 3)
        for task, lengths in (
            *((f"waiting_line/{name}", lengths) for name in OPERATIONS for lengths in ((3, 4, 5, 6), (10,))),
            ("puzzle/latin_square_n4", ()),
            ("puzzle/sudoku_n4_12", ()),
        )
    }
    assert Counter(map(key, gate)) == Counter(expected)
    assert {one.decoder.spec for one in gate if one.decoder} == {"one_by_one"}


def test_the_model_of_today_is_said_not_to_be_trained_for_most_of_it(gate: list[PlannedCell]) -> None:  # fault 64
    silent = {(one.cell.task, one.cell.task_options["wording"], one.cell.shots) for one in gate if not one.cautions}
    assert len(silent) == 12 and {(wording, shots) for _, wording, shots in silent} == {("plain", 0)}


@pytest.mark.parametrize("name", ["tiny2_gate", "tiny2_lengths"])
def test_the_second_generation_is_trained_for_all_of_it_but_demonstrations(name: str) -> None:
    for task in load_tasks(load_sweep(name)):
        trained = CARDS["tiny2"].training_of(task.name)
        expected = ["1 demonstration"] * task.shots_shown(0)
        assert trained is not None and differences(trained, task, task.shots_shown(0)) == expected, task.spec


def test_no_canvas_of_the_gate_is_too_short(gate: list[PlannedCell]) -> None:
    assert not [note for one in gate for note in one.cautions if "do not fit" in note]


def test_another_model_takes_the_place_of_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["sweep", "tiny_gate", "-m", "exact", "--limit", "1", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "exact" in out and "tiny" not in out.replace("tiny_gate", "")
