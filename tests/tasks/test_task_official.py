"""The reference's own data: every sample loads, prompts follow its templates, keys score as PAPER 3.1 to 3.3 say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.tasks import load_task, official_tasks
from parallelbench.tasks.lists import last_name
from parallelbench.tasks.puzzles import solutions

DATA = Path(__file__).parents[2].parent / "shared" / "official" / "test"
TEXT = {
    "paraphrase_summarize/chatgpt-paraphrases",
    "paraphrase_summarize/samsum",
    "words_to_sentence/easy",
    "words_to_sentence/hard",
    "words_to_sentence/medium",
}
OURS = {
    "paraphrase_summarize/chatgpt-paraphrases": "paraphrase_summarize/paraphrasing",
    "paraphrase_summarize/samsum": "paraphrase_summarize/summarization",
}
LISTS = [
    "copy",
    "insert_index",
    "insert_random",
    "remove_index",
    "remove_random",
    "replace_index",
    "replace_random",
    "reverse",
    "shuffle",
    "sort",
]
SCORED = [*(f"waiting_line/{name}" for name in LISTS), "puzzle/latin_square_n4", "puzzle/sudoku_n4_12"]
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the official data is not at {DATA}")


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@needs_data
def test_seventeen_tasks_and_1708_samples() -> None:
    names = official_tasks(DATA)
    assert set(names) == TEXT | set(SCORED) and len(names) == 17
    tasks = [load_task(name, "official", DATA) for name in names]
    assert sum(task.samples for task in tasks) == 1708
    assert {(task.suite, task.name) for task in tasks} == {("official", name) for name in names}
    assert official_tasks(DATA.parent) == names


@needs_data
@pytest.mark.parametrize("name", [*SCORED, *sorted(TEXT)])
def test_prompts_are_what_the_templates_say(name: str) -> None:
    config = yaml.safe_load((DATA / name).parent.joinpath("task_config.yaml").read_text(encoding="utf-8"))[name]
    config["prompt"] = config["prompt"].replace("\\n", "\n")  # fault 1: a single-quoted template, asked with line ends
    task = load_task(name, "official", DATA)
    assert task.samples == len(rows(name))
    for index, row in enumerate(rows(name)):
        turns = task.sample(0, index, shots=0).turns
        expected = []
        for shown in row["input"].pop("icl_examples", []):
            answer = shown["answer"]
            text = answer["example"] if isinstance(answer, dict) else answer
            expected += [("user", config["prompt"].format(**shown["input"])), ("assistant", text)]
        expected.append(("user", config["prompt"].format(**row["input"])))
        assert [(turn.role, turn.text) for turn in turns] == expected
        assert not any("\\" in turn.text for turn in turns if turn.role == "user")
        assert len(turns) == 2 * config.get("icl_example_count", 0) + 1


@needs_data
@pytest.mark.parametrize("name", SCORED)
def test_keys_score_one_and_frames_are_the_references(name: str) -> None:
    task = load_task(name, "official", DATA)
    ours = load_task(name)
    assert task.metrics == ours.metrics and task.law == ours.law and task.max_new_tokens == ours.max_new_tokens
    for index, row in enumerate(rows(name)):
        sample = task.sample(0, index)
        assert set(sample.facts) == set(ours.sample(0, 0).facts)
        assert score(sample, sample.answer, task.metrics) == dict.fromkeys(task.metrics, 1.0)
        assert score(sample, sample.answer.replace(sample.answer[-3], "#"), task.metrics[:1]) == {task.metrics[0]: 0.0}
        assert sample.frame == row.get("output_format", sample.frame)


@needs_data
def test_sort_follows_the_whole_name_and_not_the_last() -> None:
    task = load_task("waiting_line/sort", "official", DATA)
    samples = [task.sample(0, i) for i in range(task.samples)]
    assert all(s.facts["expected"] == sorted(s.facts["items"]) for s in samples)
    by_last_name = [s for s in samples if sorted(s.facts["items"], key=last_name) == s.facts["expected"]]
    assert len(by_last_name) == 5


@needs_data
def test_index_tasks_count_from_zero() -> None:
    replaced = load_task("waiting_line/replace_index", "official", DATA)
    inserted = load_task("waiting_line/insert_index", "official", DATA)
    removed = load_task("waiting_line/remove_index", "official", DATA)
    for index in range(100):
        for task, new, skipped in ((replaced, True, 1), (inserted, True, 0), (removed, False, 1)):
            facts = task.sample(0, index).facts
            items, at = facts["items"], facts["index"]
            assert facts["expected"] == items[:at] + ([facts["word"]] if new else []) + items[at + skipped :]


@needs_data
def test_every_sudoku_has_one_solution() -> None:
    task = load_task("puzzle/sudoku_n4_12", "official", DATA)
    unique = 0
    for index in range(task.samples):
        facts = task.sample(0, index).facts
        puzzle, solution = (tuple(tuple(map(int, row)) for row in facts[key].split("\n")) for key in ("puzzle", "solution"))
        unique += solutions(puzzle) == [solution]
    assert (unique, task.samples) == (108, 108)


@needs_data
def test_an_unchanged_shuffle_is_wrong() -> None:
    task = load_task("waiting_line/shuffle", "official", DATA)
    for index in range(task.samples):
        sample = task.sample(0, index)
        assert score(sample, json.dumps(sample.facts["items"]), task.metrics) == dict.fromkeys(task.metrics, 0.0)


@needs_data
@pytest.mark.parametrize("name", sorted(TEXT))
def test_text_tasks_are_asked_and_scored_as_ours(name: str) -> None:
    task, ours = load_task(name, "official", DATA), load_task(OURS.get(name, name))
    assert task.metrics == ours.metrics and task.max_new_tokens == ours.max_new_tokens == 64 and task.law is None
    for index in range(task.samples):
        sample = task.sample(0, index)
        assert len(sample.turns) == 1 and set(sample.facts) == set(ours.sample(0, 0).facts)
        assert sample.facts["kind"] == ours.sample(0, 0).facts["kind"]
    with pytest.raises(UserError, match="leave infill out"):
        load_task(name, "official", DATA, infill=True)


@needs_data
@pytest.mark.parametrize(("name", "metric"), [("samsum", "rouge_l"), ("chatgpt-paraphrases", "rouge_l")])
def test_a_reference_against_itself_is_perfect(name: str, metric: str) -> None:
    task = load_task(f"paraphrase_summarize/{name}", "official", DATA)
    samples = [task.sample(0, index) for index in range(task.samples)]
    assert {score(sample, sample.answer, [metric])[metric] for sample in samples} == {1.0}


@needs_data
def test_every_official_paraphrase_has_a_score() -> None:
    task = load_task("paraphrase_summarize/chatgpt-paraphrases", "official", DATA)
    for index in range(task.samples):
        sample = task.sample(0, index)
        for text in sample.facts["references"]:
            assert all(0.0 <= value <= 1.0 for value in score(sample, text, ("one_minus_bleu", "rouge_l")).values())
        assert score(sample, sample.facts["source"], ["one_minus_bleu"])["one_minus_bleu"] in (0.0, 1.0)  # 1: under 4 words


@needs_data
def test_the_seed_decides_the_order_alone() -> None:
    task = load_task("waiting_line/copy", "official", DATA)
    assert sorted(task.order(1)) == list(range(100)) and task.order(1) != task.order(2)
    assert task.sample(1, 4).turns == task.sample(2, 4).turns


@needs_data
def test_options_of_a_fixed_task() -> None:
    task = load_task("waiting_line/copy:shots=0,max_new_tokens=48", "official", DATA)
    assert len(task.sample(0, 0, shots=1).turns) == 1
    assert task.spec == "waiting_line/copy:max_new_tokens=48,shots=0"
    assert load_task("waiting_line/copy", "official", DATA).spec == "waiting_line/copy"
    for spec, message in {
        "waiting_line/copy:shots=2": "choose shots=1 or fewer",
        "waiting_line/copy:samples=10": "its samples are fixed",
        "waiting_line/copi": "did you mean 'waiting_line/copy'",
    }.items():
        with pytest.raises(UserError, match=message):
            load_task(spec, "official", DATA)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small data folder of our own, in the reference's layout."""
    category = tmp_path / "waiting_line"
    category.mkdir()
    table = {"waiting_line/copy": {"prompt": "Copy {context}", "metric": "list_match_score"}}
    (category / "task_config.yaml").write_text(yaml.safe_dump(table), encoding="utf-8")
    row = json.dumps({"input": {"context": '["a", "b"]'}, "answer": '["a", "b"]'})
    (category / "copy.jsonl").write_text(f"{row}\n{row}\n", encoding="utf-8")
    return tmp_path


def test_a_folder_in_the_layout_of_the_reference_is_enough(folder: Path) -> None:
    task = load_task("waiting_line/copy", "official", folder)
    assert (task.samples, task.sample(0, 1).turns[0].text) == (2, 'Copy ["a", "b"]')
    before = task.fingerprint
    with (folder / "waiting_line" / "copy.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"input": {"context": "[]"}, "answer": "[]"}\n')
    assert load_task("waiting_line/copy", "official", folder).fingerprint != before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"input": {"conte', "copy.jsonl line 3 is no valid JSON"),
        pytest.param("[" * 5000, "copy.jsonl line 3 is no valid JSON .it is nested too deeply", id="deep"),
        ("[1]", "copy.jsonl line 3 is damaged"),
        ('{"input": {"context": "[]"}}', "copy.jsonl line 3 is damaged .it lacks 'answer'"),
        ('{"input": {"context": "[1]"}, "answer": "[]"}', "copy.jsonl line 3 is damaged .the context is no list of strings"),
        ('{"input": {"text": "x"}, "answer": "[]"}', "copy.jsonl line 3 has the field '{context}'"),
        ('{"input": 5, "answer": "[]"}', "copy.jsonl line 3 is damaged"),
        ('{"input": {"context": "[]", "icl_examples": [1]}, "answer": "[]"}', "line 3 is damaged .it has 1 demonstrations"),
    ],
)
def test_a_damaged_line_is_named(folder: Path, line: str, message: str) -> None:
    with (folder / "waiting_line" / "copy.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=message) as caught:
        load_task("waiting_line/copy", "official", folder)
    assert "\n" not in str(caught.value)


def test_broken_folders_are_named(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    def load(data: Path) -> None:
        load_task("waiting_line/copy", "official", data)

    empty = tmp_path_factory.mktemp("empty")
    for data in (empty, empty / "nowhere"):
        with pytest.raises(UserError, match="is no folder of the official data"):
            load(data)
    binary, missing, untabled = (shutil.copytree(folder, empty / name) / "waiting_line" for name in ("a", "b", "c"))
    (binary / "copy.jsonl").write_bytes(b"{}\n\xff\n")
    with pytest.raises(UserError, match=r"copy.jsonl line 2 is not UTF-8"):
        load(binary.parent)
    (missing / "copy.jsonl").unlink()
    with pytest.raises(UserError, match=r"copy.jsonl cannot be read \(No such file"):
        load(missing.parent)
    for config, message in {
        "a: [": "is no valid YAML",
        "- 1": "holds no table",
        "waiting_line/copy: {prompt: x, metric: y}": "gives 'waiting_line/copy' no prompt with one of the metrics",
    }.items():
        (untabled / "task_config.yaml").write_text(config, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            load(untabled.parent)
