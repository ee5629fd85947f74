"""What holds for every task of the registry: determinism, own answers, seeds, limits, frames, and hashes of its samples."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from parallelbench.errors import UserError
from parallelbench.metrics import parse_list, score
from parallelbench.rng import stream
from parallelbench.schema import MASK_ITEM, Sample
from parallelbench.tasks import TASKS, load_task

GOLDEN = Path(__file__).parent / "golden.json"
EVERY = pytest.mark.parametrize("name", TASKS.names())
FRAMED = pytest.mark.parametrize("name", [name for name in TASKS.names() if load_task(name).law])  # all but texts


def mutants(sample: Sample) -> list[str]:
    """Answers that differ from the right one in one item, and are wrong under every rule."""
    if "items" not in sample.facts:  # a square: one symbol becomes another
        symbols = sample.facts.get("symbols", "1234")
        first = sample.answer[0]
        return [next(s for s in symbols if s != first) + sample.answer[1:], sample.answer[:-2], ""]
    items = parse_list(sample.answer) or []
    changed = [["Nobody", *items[1:]], items[:-1], [*items, items[0]], [*items, "Nobody"], [*items[:-1], "Nobody"]]
    return [json.dumps(answer) for answer in changed] + [""]


@EVERY
def test_same_seed_same_sample_and_other_seed_other_sample(name: str) -> None:
    one, again = load_task(name), load_task(name)
    ours = [one.sample(5, i) for i in range(20)]
    assert ours == [again.sample(5, i) for i in range(20)]
    texts = {turn.text for sample in ours for turn in sample.turns if turn.role == "user"}
    others = {one.sample(6, i).turns[-1].text for i in range(20)}
    assert len(texts) == 20 * (1 + one.default_shots)  # the questions and the demonstrations of 20 samples are all different
    assert not texts & others


@FRAMED
def test_own_answer_scores_one_and_mutants_zero(name: str) -> None:
    task = load_task(name)
    for index in range(12):
        sample = task.sample(0, index)
        assert score(sample, sample.answer, task.metrics) == dict.fromkeys(task.metrics, 1.0)
        for text in mutants(sample):
            assert score(sample, text, task.metrics) == dict.fromkeys(task.metrics, 0.0), text


@EVERY
def test_a_sample_does_not_depend_on_how_many_there_are(name: str) -> None:
    assert load_task(name).sample(3, 7) == load_task(name, samples=8).sample(3, 7)


@EVERY
def test_a_limit_is_a_prefix_of_a_seeded_permutation(name: str) -> None:
    task = load_task(name)
    order = task.order(1)
    assert sorted(order) == list(range(task.samples))
    assert order == load_task(name).order(1)
    assert order != task.order(2)
    assert set(order[:10]) < set(order[:11])


@EVERY
@pytest.mark.parametrize("seed", [0, 1])
def test_a_limit_has_equally_many_samples_of_each_length_in_every_task(name: str, seed: int) -> None:
    task = load_task(name)
    order = task.order(seed)
    lengths = [task.stratum(index) for index in order]
    for limit in (1, 2, 5, 12, 30, 41):
        counts = Counter(lengths[:limit])
        assert max(counts.values()) - min(counts[length] for length in set(lengths)) <= 1
    if "lengths" in type(task).model_fields:
        assert len(set(lengths)) > 1
        assert all(task.stratum(i) == len(task.sample(seed, i).facts["items"]) for i in order[:8])
    if name.startswith("waiting_line/"):
        copy = load_task("waiting_line/copy")
        assert [copy.stratum(index) for index in copy.order(seed)] == lengths, "task is compared with task at equal lengths"


def test_strata_of_unequal_sizes_and_repeated_lengths_are_all_used() -> None:
    task = load_task("list_ops/copy:lengths=[3,3,4,5],samples=50")
    order = task.order(3)
    assert sorted(order) == list(range(50)) and Counter(map(task.stratum, order[:9])) == {3: 3, 4: 3, 5: 3}
    assert {task.stratum(index) for index in order[-8:]} == {3}


@FRAMED
def test_the_frame_is_the_answer_with_its_items_masked(name: str) -> None:
    task = load_task(name)
    for index in range(10):
        sample = task.sample(0, index)
        assert sample.frame is not None
        filled = sample.frame
        for slot in sample.facts.get("expected", sample.answer.replace(",", "").replace("\n", "")):
            filled = filled.replace(MASK_ITEM, slot, 1)
        assert filled == sample.answer


@FRAMED
def test_shots_are_the_option_then_the_card_then_one(name: str) -> None:
    task = load_task(name)
    assert [len(task.sample(0, 0, shots).turns) for shots in (None, 0, 2)] == [3, 1, 5]
    assert len(load_task(name, shots=2).sample(0, 0, 0).turns) == 5
    assert [turn.role for turn in task.sample(0, 0).turns] == ["user", "assistant", "user"]


@FRAMED
def test_a_demonstration_is_another_question_rightly_answered(name: str) -> None:
    task = load_task(name)
    rng = stream(task.suite, name, task.version, 2, 3)
    asked, shown = task.question(rng, 3), task.demonstration(rng, 3, 0)
    turns = task.sample(2, 3, shots=1).turns
    assert [turn.text for turn in turns] == [shown.text, shown.answer, asked.text]
    assert task.sample(2, 3, shots=0).turns == turns[2:]
    sample = Sample(name, 1, 2, 3, turns, shown.answer, shown.facts)
    assert score(sample, shown.answer, task.metrics) == dict.fromkeys(task.metrics, 1.0)


@EVERY
def test_samples_are_those_of_this_version(name: str) -> None:
    task = load_task(name)
    samples = [task.sample(0, index) for index in range(5)]
    content = [[[t.role, t.text] for t in s.turns] + [s.answer, s.frame, dict(s.facts)] for s in samples]
    found = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    key = f"{name}@{task.version}"
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert golden.get(key) == found, (
        f'the samples of {key} have changed: bump the version of the task and write "{name}@<version>": its hash into '
        f'{GOLDEN.name}; the hash found is "{found}"'
    )


def test_the_golden_file_names_tasks_that_exist() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert {key.split("@")[0] for key in golden} == set(TASKS.names())


def test_lengths_are_balanced_and_follow_the_option() -> None:
    task = load_task("waiting_line/copy")
    lengths = [len(task.sample(0, i).facts["items"]) for i in range(100)]
    assert [lengths.count(n) for n in (3, 4, 5, 6)] == [25] * 4
    assert len(load_task("list_ops/copy:lengths=[26]").sample(0, 0).facts["items"]) == 26
    assert load_task("waiting_line/copy:lengths=15") == load_task("waiting_line/copy:lengths=[15]")


def test_infill_is_on_for_list_ops_and_an_option_elsewhere() -> None:
    assert load_task("list_ops/shuffle").infill
    assert not load_task("waiting_line/shuffle").infill
    assert load_task("waiting_line/shuffle:infill=true").infill


def test_index_tasks_say_that_they_count_from_zero() -> None:
    for family in ("waiting_line", "list_ops"):
        for name in ("replace_index", "insert_index", "remove_index"):
            asked = load_task(f"{family}/{name}").sample(0, 0).turns[-1].text
            assert "count from 0" in asked or "counting from 0" in asked


def test_sort_sorts_by_last_name() -> None:
    task = load_task("waiting_line/sort")
    for index in range(20):
        last = [person.split()[-1] for person in task.sample(0, index).facts["expected"]]
        assert last == sorted(last)


@pytest.mark.parametrize("items", ["letters", "words", "numbers"])
def test_list_ops_hold_distinct_items_and_a_new_word(items: str) -> None:
    for name in ("replace_random", "insert_index"):
        facts = load_task(f"list_ops/{name}", items=items).sample(0, 5).facts
        assert len({*facts["items"], facts["word"]}) == 17


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("waiting_line/cpoy", "did you mean 'waiting_line/copy'"),
        ("waiting_line/copy:lenghts=[3]", "did you mean 'lengths'"),
        ("waiting_line/copy:lengths=[1]", "greater than or equal to 2"),
        ("waiting_line/copy:operation=kopy", "'copy'"),
        ("waiting_line/copy:shots=9", "less than or equal to 8"),
        ("list_ops/copy:lengths=[27]", "at most 26"),
        ("list_ops/insert_random:lengths=[26]", "at most 25"),
        ("list_ops/copy:items=emoji", "'letters', 'words' or 'numbers'"),
        ("puzzle/latin_square_n4:size=6", "less than or equal to 5"),
        ("puzzle/sudoku_n4_12:givens=3", "greater than or equal to 4"),
    ],
)
def test_a_mistake_is_one_sentence_that_holds_the_fix(spec: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_task(spec)
    text = str(caught.value)
    assert message in text
    assert text.endswith((".", "?")) and "\n" not in text


def test_unknown_suite_and_missing_folder_say_what_to_do() -> None:
    with pytest.raises(UserError, match="did you mean 'official'"):
        load_task("waiting_line/copy", suite="offical")
    with pytest.raises(UserError, match="--data-dir"):
        load_task("waiting_line/copy", suite="official")


def test_spec_names_the_task_and_what_differs() -> None:
    assert load_task("waiting_line/copy").spec == "waiting_line/copy"
    spec = load_task("list_ops/shuffle:items=words,lengths=[6]").spec
    assert spec == "list_ops/shuffle:items=words,lengths=[6]"
    assert load_task(spec) == load_task("list_ops/shuffle:lengths=[6],items=words")
    assert load_task("puzzle/sudoku_n4_12:givens=7").spec == "puzzle/sudoku_n4_7"
