"""The exact model on the tasks: always right one by one, and under parallel decoding just as wrong as the theory says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from exact_oracles import repeated, run
from test_exact_marginals import digits_tokenizer

import parallelbench
from parallelbench import cli
from parallelbench.analysis.stats import wilson
from parallelbench.decoding import Engine, check_law, load_decoder, make_prompt
from parallelbench.doctor.shuffle import Z999
from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import load_sweep
from parallelbench.metrics import score
from parallelbench.models import exact, load_model
from parallelbench.models.exact import Exact
from parallelbench.models.exact_tokens import TokenScheme
from parallelbench.tasks import TASKS, load_task
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.theory import Setting, accuracy_of

CERTAIN = ("copy", "reverse", "sort", "replace_index", "insert_index", "remove_index")
FREE = tuple(name for name in OPERATIONS if name not in CERTAIN)
EXACT = load_model("exact")
TOKENS = Exact(TokenScheme(digits_tokenizer(), 1e-6), 1e-6)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_one_by_one_every_default_waiting_line_sample_is_right(operation: str) -> None:
    task = load_task(f"waiting_line/{operation}:max_new_tokens=16")  # the longest answer has 15 tokens
    assert [right for _, right, _ in run(EXACT, task, load_decoder("one_by_one"), task.samples)] == [1.0] * 100


@pytest.mark.parametrize("operation", CERTAIN)
@pytest.mark.parametrize("spec", ["random:k=5", "left_to_right:k=8,block=16", "all_at_once:temperature=1"])
def test_tasks_with_one_answer_are_right_at_any_speed(operation: str, spec: str) -> None:
    found = run(EXACT, load_task(f"waiting_line/{operation}"), load_decoder(spec), 100)
    assert [right for _, right, _ in found] == [1.0] * 100


@pytest.mark.parametrize("operation", FREE)
def test_the_default_samples_fall_as_the_closed_forms_say(operation: str) -> None:
    task = load_task(f"waiting_line/{operation}")
    found = [one for seed in range(4) for one in run(EXACT, task, load_decoder("all_at_once:temperature=1"), 100, seed)]
    for n in (3, 4, 5, 6):
        rights = [right for sample, right, _ in found if len(sample.facts["items"]) == n]
        low, high = wilson(sum(rights), len(rights), Z999)
        expected = accuracy_of(operation, n, Setting("all_at_once", temperature=1), must_differ=operation == "shuffle")
        assert expected is not None
        assert low <= expected <= high
    halves = [
        sum(right for _, right, _ in run(EXACT, task, load_decoder(f"random:k={k},temperature=1"), 100)) for k in (1, 4, 32)
    ]
    assert halves[0] == 100 > halves[1] > halves[2]


@pytest.mark.parametrize(
    ("canvas", "k", "sizes"),
    [(32, 4, (2, 4)), (32, 3, (1, 3, 2)), (16, 2, (2, 2, 2)), (16, 4, (2, 4)), (20, 5, (1, 5)), (32, 26, (6,))],
)
def test_certain_format_tokens_come_first_and_shift_the_schedule_of_the_items(
    canvas: int, k: int, sizes: tuple[int, ...]
) -> None:
    """Six items on a canvas of W tokens: W - 6 tokens of format and end are certain, and the items take what is left of k."""
    task = load_task(f"list_ops/shuffle:lengths=[6],may_stay=true,infill=false,max_new_tokens={canvas}")
    low, high = wilson(repeated(EXACT, task, load_decoder(f"confidence:k={k},ties=random"), 400), 400, Z999)
    expected = accuracy_of("shuffle", 6, Setting("random", sizes=sizes))
    assert expected is not None
    assert low <= expected <= high


def test_from_the_left_every_second_token_is_format() -> None:
    task = load_task("list_ops/shuffle:lengths=[6],may_stay=true,infill=false,max_new_tokens=16")
    assert repeated(EXACT, task, load_decoder("left_to_right:k=2,temperature=1"), 100) == 100
    low, high = wilson(repeated(EXACT, task, load_decoder("left_to_right:k=4,temperature=1"), 400), 400, Z999)
    assert low <= 0.3125 <= high


@pytest.mark.parametrize(
    "name", ["puzzle/latin_square_n3", "puzzle/latin_square_n4", "puzzle/sudoku_n4_12", "puzzle/sudoku_n4_4"]
)
def test_puzzles_are_right_one_by_one_and_a_sudoku_at_any_speed(name: str) -> None:
    task = load_task(name)
    assert all(right for _, right, _ in run(EXACT, task, load_decoder("one_by_one:temperature=1"), 6))
    at_once = sum(right for _, right, _ in run(EXACT, task, load_decoder("all_at_once:temperature=1"), 20))
    assert at_once == (20 if "sudoku" in name else 0)


def test_every_task_of_the_registry_with_a_law_can_be_answered() -> None:
    """All at the same time: tasks with canvases of the same length share their forwards."""
    names = [name for name in TASKS.names() if name != "puzzle/latin_square_n5"]  # 161,280 squares: seconds a sample
    tasks = {task.name: task for task in map(load_task, names) if task.law}
    prompts = [make_prompt(EXACT, task.sample(0, 0, 0), task.max_new_tokens, task.infill) for task in tasks.values()]
    found = list(Engine(EXACT, 256).generate(prompts, load_decoder("threshold:gamma=0.999")))  # what is certain at once
    assert len(found) == len(tasks) > 40
    for done in found:
        metric = tasks[done.prompt.sample.task].metrics[0]
        assert score(done.prompt.sample, done.text, [metric]) == {metric: 1.0}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_under_a_tokenizer_one_by_one_is_right_too(operation: str) -> None:
    task = load_task(f"list_ops/{operation}:items=numbers,lengths=[2,3,4],max_new_tokens=36")
    assert all(right for _, right, _ in run(TOKENS, task, load_decoder("one_by_one"), 6))


def test_under_a_tokenizer_parallel_draws_collide_within_items_too() -> None:
    """Each number has two tokens: six draws at once instead of three, so Shuffle falls below its item-level accuracy."""
    task = load_task("list_ops/shuffle:items=numbers,lengths=[3],max_new_tokens=26,infill=true,may_stay=true")
    assert repeated(TOKENS, task, load_decoder("left_to_right:k=1,temperature=1"), 100) == 100
    by_item = accuracy_of("shuffle", 3, Setting("all_at_once"))
    assert by_item is not None
    assert wilson(repeated(TOKENS, task, load_decoder("all_at_once:temperature=1"), 400), 400, Z999).high < by_item


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("exact:epsilon=2", "'epsilon' is 2"),
        ("exact:epsilon=0", "'epsilon' is 0"),
        ("exact:tokeniser=x", "did you mean 'tokenizer'?"),
        ("exact:vocabulary=4", "'vocabulary' is 4"),
        ("exact:tokenizer=/nowhere", "/nowhere"),
        ("exat", "did you mean 'exact'"),
    ],
)
def test_a_wrong_option_is_one_sentence(spec: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        load_model(spec)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_too_large_names_the_way_out() -> None:
    sample = load_task("list_ops/copy:lengths=[20]").sample(0, 0, 0)
    with pytest.raises(UserError, match="write exact:vocabulary=32"):
        load_model("exact:vocabulary=16").codec_for(sample)
    assert load_model("exact:vocabulary=32").codec_for(sample).decode([3]) == sample.facts["items"][0]
    task = load_task("list_ops/shuffle:items=numbers,lengths=[9],max_new_tokens=80")
    with pytest.raises(UserError, match=r"362879 right answers.*omit the tokenizer"):
        run(TOKENS, task, load_decoder("all_at_once"), 1)


def test_a_task_without_a_law_is_refused() -> None:
    with pytest.raises(UserError, match="has no law of its right answers"):
        check_law(EXACT.info, "words_to_sentence/easy", None)
    sample = replace(load_task("waiting_line/copy").sample(0, 0), law=None)
    with pytest.raises(UserError, match="waiting_line/copy has no law"):
        EXACT.codec_for(sample)


def test_the_commands_take_both_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits_tokenizer().save(str(tmp_path / "tokenizer.json"))
    asked = "list_ops/shuffle:items=numbers,lengths=[3],max_new_tokens=26"
    for number, model in enumerate(("exact", f"exact:tokenizer={tmp_path},epsilon=1e-6")):
        command = ["run", "-m", model, "-t", asked, "-d", "confidence:k=[1,26],temperature=1", "--limit", "20", "--json"]
        assert cli.invoke([*command, "-o", str(tmp_path / str(number))]) == 0
        slow, fast = json.loads(capsys.readouterr().out.splitlines()[-1])["results"]
        assert slow["accuracy"] == 1.0 > fast["accuracy"]


def test_the_sweep_of_figure_2_plans_and_asks_the_questions_of_the_paper() -> None:
    sweep = load_sweep("paper:fig2")
    assert sweep.models == ("exact", "tiny")
    works = plan(sweep.model_copy(update={"models": ("exact",)}), ModelPool(None))
    assert len(works) == 2 * 6 * (2 * 2 + 2 + 6)
    assert {work.task.sample(0, 0, 0).frame.count("[MASK]") for work in works} == {6, 8, 10, 12, 14, 16}
    greedy = {work.decoder.gamma for work in works if work.decoder.family == "threshold" and work.decoder.temperature == 0}
    assert greedy == {0.5, 0.6, 0.7, 0.8, 0.9, 1.0}


def test_a_batch_larger_than_what_is_kept_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "KEPT", 4)
    results = parallelbench.run("exact:tokenizer=tiny", "waiting_line/copy:lengths=[3]", "one_by_one", limit=12, batch_size=12)
    assert results.rows[0].accuracy == 1.0
