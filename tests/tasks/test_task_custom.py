"""Tasks from YAML files: what they can say, and one sentence for everything that they say wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelbench.errors import UserError
from parallelbench.metrics import score
from parallelbench.tasks import load_task
from parallelbench.tasks.lists import OPERATIONS
from parallelbench.tasks.template import fill

FRUIT = """
type: replace_random
words: [apple, banana, cherry, date, elderberry, fig, grape]
lengths: [3, 6]
samples: 12
prompt: 'Swap one fruit of {context} for "{word}" {{any one}}.'
"""


def test_a_list_task_of_ones_own(write) -> None:
    task = load_task(write(FRUIT))
    assert (task.suite, task.name, task.samples, task.law) == ("custom", "custom/task", 12, "replace_random")
    sample = task.sample(0, 1)
    assert len(sample.facts["items"]) == 6
    assert sample.turns[-1].text.startswith('Swap one fruit of ["') and sample.turns[-1].text.endswith(
        f'"{sample.facts["word"]}" {{any one}}.'
    )
    assert score(sample, sample.answer, task.metrics) == {"list_random_replace": 1.0, "list_random_replace_strict": 1.0}
    assert sample == load_task(write(FRUIT)).sample(0, 1)


def test_options_win_over_the_file(write) -> None:
    spec = write(FRUIT) + ":samples=5,lengths=[2],name=fruit/swap,shots=0"
    task = load_task(spec)
    assert (task.samples, task.name, task.spec) == (5, "fruit/swap", spec)
    assert len(task.sample(0, 0).facts["items"]) == 2 and len(task.sample(0, 0).turns) == 1
    assert task.fingerprint != load_task(write(FRUIT)).fingerprint


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_list_operation(write, operation: str) -> None:
    prompt = "{context}" + (" {index}" if "index" in operation else "") + (" {word}" if operation[:3] in ("rep", "ins") else "")
    task = load_task(write(f"type: {operation}\nwords: [a, b, c, d, e, f, g]\nprompt: '{prompt}'"))
    for index in range(4):
        sample = task.sample(0, index)
        assert set(score(sample, sample.answer, task.metrics).values()) == {1.0}


def test_puzzles(write) -> None:
    latin = load_task(write("type: latin_square\nsize: 3\nprompt: 'size {size}: {symbols}'"))
    sudoku = load_task(write("type: sudoku\ngivens: 8\nprompt: |\n  {sudoku}\n  solve", "s.yml"))
    for task in (latin, sudoku):
        sample = task.sample(0, 0)
        assert set(score(sample, sample.answer, task.metrics).values()) == {1.0}
        assert task.max_new_tokens == 64
    assert latin.sample(0, 0).turns[-1].text == "size 3: " + ", ".join(latin.sample(0, 0).facts["symbols"])
    assert sudoku.sample(0, 0).facts["puzzle"].count("0") == 8


@pytest.mark.parametrize(("file", "text"), [("w.txt", "a\nb\r\n\nc\nd\n"), ("w.yaml", "[a, b, c, d]")])
def test_words_in_a_file_beside_it(write, file: str, text: str) -> None:
    write(text, file)
    task = load_task(write(f"type: copy\nwords: {file}\nlengths: [4]\nprompt: '{{context}}'"))
    assert sorted(task.sample(0, 0).facts["items"]) == ["a", "b", "c", "d"]
    before = task.fingerprint
    write(text.replace("d", "e"), file)
    assert load_task(write(f"type: copy\nwords: {file}\nlengths: [4]\nprompt: '{{context}}'")).fingerprint != before


def test_numbers_sort_as_numbers_and_words_without_regard_to_case(write) -> None:
    numbers = load_task(write("type: sort\nwords: [9, 10, -3, 100]\nlengths: [4]\nshots: 0\nprompt: '{context}'"))
    words = load_task(
        write("type: sort\nwords: [Pear, apple, Zoo, quince]\nlengths: [4]\nshots: 0\nprompt: '{context}'", "w.yaml")
    )
    assert numbers.sample(0, 0).facts["expected"] == ["-3", "9", "10", "100"]
    assert words.sample(0, 0).facts["expected"] == ["apple", "Pear", "quince", "Zoo"]


def test_another_metric(write) -> None:
    task = load_task(write(FRUIT) + ":metric=list_exact_strict")
    assert task.metrics == ("list_exact_strict", "list_exact")
    assert load_task(write(FRUIT) + ":metric=list_exact").metrics == ("list_exact", "list_exact_strict")
    with pytest.raises(UserError, match="'list_shuffle' cannot judge type 'replace_random'"):  # its own answer would be wrong
        load_task(write(FRUIT) + ":metric=list_shuffle")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "samples: 12",
            "sample: 12",
            "the key 'sample', which type 'replace_random' does not know; did you mean 'samples'",
        ),
        ("samples: 12", "origin: 12", "has the key 'origin'"),
        ("samples: 12", "samples: 0", "'samples' is 0, but input should be greater than or equal to 1"),
        ("type: replace_random", "type: replace_radnom", "unknown task type 'replace_radnom'; did you mean 'replace_random'"),
        ("type: replace_random", "kind: copy", "has no 'type'; add one of copy, reverse"),
        ("{word}", "{name}", "the field '{name}'; the fields allowed here are {context} {word}."),
        ("{word}", "{word.__class__}", "the field '{word.__class__}'; the fields allowed"),
        ("{word}", "{word!r}", "the field '{word!r}'"),
        ("{word}", "{word:>9}", "the field '{word:>9}'"),
        ("{word}", "{}", "the field '{}'"),
        ("{word}", "{word", "a brace that stands alone"),
        ("{word}", "it", "does not show {word}"),
        ("[3, 6]", "[3, 7]", "lists of 7 need 8 words, but there are 7"),
        ("[3, 6]", "[1]", "greater than or equal to 2"),
        ("apple,", '"ap,ple",', "the word 'ap,ple'; write words without quotes"),
        ("apple,", "banana,", "the word 'banana' 2 times; list each word once"),
        ("apple,", "0x1F,", "the word '0x1F', which YAML does not read as text; put it in quotes"),
        ("[apple, banana, cherry, date, elderberry, fig, grape]", "nowhere.txt", "nowhere.txt cannot be read"),
        ("[apple, banana, cherry, date, elderberry, fig, grape]", "5", "gives no list of words"),
        ("samples: 12", "metric: sudoku", "metric 'sudoku' cannot judge type 'replace_random'; choose one of list_exact"),
        ("samples: 12", "name: a b", "'name' is 'a b'"),
        ("samples: 12", "samples: [", "task.yaml line 7 is no valid YAML"),
        (FRUIT, "just words", "is no table of keys"),
        (FRUIT, "type: copy\nwords: [a, b]", "needs 'prompt'"),
    ],
)
def test_a_mistake_is_one_sentence_that_holds_the_fix(write, old: str, new: str, message: str) -> None:
    assert old in FRUIT
    with pytest.raises(UserError) as caught:
        load_task(write(FRUIT.replace(old, new, 1)))
    text = str(caught.value)
    assert message in text
    assert "\n" not in text and text.endswith((".", "?"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.yaml cannot be read \(No such file"):
        load_task(str(tmp_path / "none.yaml"))
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="line 1 is not UTF-8"):
        load_task(str(tmp_path / "b.yaml"))


def test_filled_values_are_not_templates() -> None:
    assert fill("{{{word}}} {index}", {"word": "{index}", "index": 0}) == "{{index}} 0"


def test_words_are_the_text_that_was_written(write, tmp_path: Path) -> None:
    for text in ("010", "0x1F", "0o7", "true", "null", "1.50"):
        with pytest.raises(UserError, match=f"the word '{text}', which YAML does not read as text; put it in quotes"):
            load_task(write(FRUIT.replace("apple,", f"{text},")))
    for text in ("12:30", "1_000", "2020-01-02", "no", "off", "yes", "on", "y", "n"):  # fault 22
        assert text in load_task(write(FRUIT.replace("apple,", f"{text},"))).words
    assert "7" in load_task(write(FRUIT.replace("apple,", "7,"))).words
    (tmp_path / "words.txt").write_bytes("\ufeffred\nblue\ngreen\n".encode())
    text = "type: copy\nwords: words.txt\nlengths: [3]\nprompt: 'Copy {context}.'\n"
    assert load_task(write(text)).words == ("red", "blue", "green")


def test_a_file_of_any_name_is_a_task(write) -> None:
    assert load_task(write(FRUIT, "my task ü.yaml")).name == "custom/my_task__"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: [copy]", "unknown task type '['copy']'"),
        ("type: sort\nwords: [a, A, b]\nlengths: [2]\nprompt: 'Sort {context}.'", "equal when they are sorted"),
        ("type: copy\ntype: sort", "line 2 is no valid YAML: the key 'type' occurs a second time"),
        ('type: copy\nprompt: "\\ud800"', "no valid YAML"),
        ("type: copy\nsamples: 2020-13-45", "'samples' is '2020-13-45'"),
        ("type: " + "[" * 3000, "no valid YAML"),
    ],
)
def test_hostile_files_are_one_sentence(write, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_task(write(text))
    assert message in str(caught.value) and "\n" not in str(caught.value)
