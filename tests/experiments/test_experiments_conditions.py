"""Wordings and system prompts: what a sweep expands, what names a cell, which models refuse, and the report's section."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_model import FakeDenoiser, FakeOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.analysis.names import name_cells
from parallelbench.api import run_plan, run_sweep
from parallelbench.contracts.info import ModelInfo
from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, plan
from parallelbench.experiments.progress import Silent
from parallelbench.experiments.spec import Sweep, load_sweep
from parallelbench.experiments.task_specs import load_tasks, task_again
from parallelbench.report.data import Filters, read_report_data
from parallelbench.report.steady import steady
from parallelbench.runs.folder import read_run
from parallelbench.schema import Turn
from parallelbench.specs import build

TERSE = 'Answer "briefly", with a list:\nno [words], no: more=less.'


class Chatting(FakeDenoiser):
    """The fake model with a chat template that takes a system prompt."""

    @property
    def info(self) -> ModelInfo:
        return replace(super().info, template="chatml")


def sweep(**more: object) -> Sweep:
    return build(Sweep, "sweep", {"models": "m", "tasks": "waiting_line/copy", "decoders": "one_by_one", "limit": 3, **more})


def planned(**more: object) -> list[PlannedCell]:
    pool = ModelPool()
    pool.add("m", Chatting(FakeOptions()))
    return plan(sweep(**more), pool)


def test_all_wordings_of_a_task_ask_the_same_in_other_words_and_other_tasks_stay() -> None:
    tasks = ["waiting_line/copy", "puzzle/sudoku_n4_12:wording=polite", "paraphrase_summarize/paraphrasing"]
    made = load_tasks(sweep(tasks=tasks, wording="all"))
    assert [task.spec for task in made] == [
        "waiting_line/copy:wording=plain", "waiting_line/copy:wording=polite", "waiting_line/copy:wording=task_first",
        "puzzle/sudoku_n4_12:wording=polite", "paraphrase_summarize/paraphrasing",
    ]  # fmt: skip
    samples = [task.sample(0, 7, shots=0) for task in made[:3]]
    assert len({sample.turns[-1].text for sample in samples}) == 3
    assert len({(sample.id, sample.answer) for sample in samples}) == 1
    cells = planned(wording="polite, plain,polite")
    assert [one.cell.task_options["wording"] for one in cells] == ["polite", "plain"]
    assert len({one.cell.canvas_length for one in planned(wording="all")}) == 1
    (plain,) = planned()
    assert plain.cell.id == cells[1].cell.id  # the wording that a task has anyway is no other cell


def test_a_system_prompt_comes_first_and_names_the_cell() -> None:
    without, terse, other = planned(system=["", TERSE, "Hello."])
    assert without.cell.id == planned()[0].cell.id and "system" not in without.cell.task_options
    assert len({one.cell.id for one in (without, terse, other)}) == 3
    bare, prompted = (one.task.sample(0, 5, shots=1) for one in (without, terse))
    assert prompted.turns == (Turn("system", TERSE), *bare.turns) and prompted.answer == bare.answer
    again = task_again(terse.cell.task_spec, terse.cell.suite, None)
    assert again.sample(0, 5, shots=1) == prompted


def test_a_long_system_prompt_is_shortened_in_names_and_stays_distinct(tmp_path: Path) -> None:
    prompts = ["Be brief. " * 30, "Be brief. " * 30 + "Be polite."]
    pool = ModelPool()
    pool.add("m", Chatting(FakeOptions()))
    made = sweep(system=prompts, limit=1)
    run_plan(plan(made, pool), made, pool, tmp_path, Silent())
    names = {row["task"] for row in name_cells(read_run(tmp_path))}
    assert len(names) == 2 and all(name.startswith("waiting_line/copy:system=") and len(name) < 100 for name in names)


@settings(max_examples=20, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_any_system_prompt_survives_the_spec_of_its_task(text: str) -> None:
    (task,) = load_tasks(sweep(system=[text]))
    assert task.system == text
    assert task_again(task.spec, "ours", None).system == text


def test_a_custom_task_takes_a_system_prompt_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "2 and 3?", "answer": "5"}\n')
    plain, terse = planned(tasks=str(path), system=["", TERSE])
    assert plain.cell.task_spec != terse.cell.task_spec
    assert task_again(terse.cell.task_spec, "ours", None).sample(0, 0).turns[0] == Turn("system", TERSE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"wording": "polit"}, "unknown wording 'polit'"),
        ({"wording": "all", "tasks": "words_to_sentence/easy"}, "no task here has several wordings"),
        ({"wording": "all", "tasks": "waiting_line/copy:wording=plain"}, "no task here has several wordings"),
        ({"wording": "all", "tasks": "waiting_line/copy:chain_of_thought=true"}, "leave wording and infill out"),
        ({"system": "x" * 8001}, "at most 8000 characters"),
        ({"models": "exact", "system": "Be brief."}, "no chat template that takes a system prompt; leave system out"),
        ({"models": "tiny2", "system": "Be brief."}, "no chat template that takes a system prompt; leave system out"),
    ],
)
def test_what_cannot_be_expanded_is_one_sentence(options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        planned(**options)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_names_wordings_and_system_prompts(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("models: m\ntasks: waiting_line/copy\nwording: [plain, polite]\nsystem: Hello, you.\n")
    loaded = load_sweep(path)
    assert (loaded.wording, loaded.system) == (("plain", "polite"), ("Hello, you.",))


def test_the_report_compares_rankings_by_wording_and_end_tokens(tmp_path: Path) -> None:
    decoders = ["confidence:k=4", "left_to_right:k=8", "confidence:k=4,end_tokens=ban", "left_to_right:k=8,end_tokens=ban"]
    tasks = ["waiting_line/shuffle", "waiting_line/reverse"]
    run_sweep(sweep(models="fake", tasks=tasks, decoders=decoders, wording="plain,polite", limit=6), tmp_path)
    data = read_report_data(tmp_path, with_published=False)
    found = data.steadiness.rankings.to_dict("records")
    assert [(row["axis"], row["first"], row["second"], row["decoders"], row["tasks"], row["n"]) for row in found] == [
        ("wording", "plain", "polite", 4, 2, 12), ("end_tokens", "allow", "ban", 2, 4, 24),
    ]  # fmt: skip
    section = steady(data)
    assert section is not None and section.title == "How steady is the ranking"
    assert [row[1].text for row in section.tables[0].rows] == ["wording: plain and polite", "end tokens: allow and ban"]
    assert "between" in section.figures[0].csv and "end tokens: allow and ban" in section.figures[0].csv
    one = Filters(tasks=("*shuffle:wording=plain",), decoders=("confidence:k=4", "left_to_right:k=8"))
    assert steady(read_report_data(tmp_path, keep=one, with_published=False)) is None
