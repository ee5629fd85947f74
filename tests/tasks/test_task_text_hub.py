"""The public data sets of text, through the real `datasets` library: copies in a folder, with the schema of the originals."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parallelbench.errors import MissingExtra, UserError
from parallelbench.tasks import load_task

SAMSUM, PARAPHRASES = "paraphrase_summarize/samsum", "paraphrase_summarize/chatgpt-paraphrases"
CHATS = [
    {"id": str(n), "dialogue": f"Ada: Hi, it is day {n}.\r\nBen: I know.", "summary": f"It is day {n}."} for n in range(30)
]
SENTENCES = [
    {
        "text": f"Is it {n}?",
        "paraphrases": str([f"Is this {n}?", f"Would it be {n}?"]),
        "category": "question",
        "source": "quora",
    }
    for n in range(30)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parquet copy of one data set, and a JSON copy of the other."""
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pytest.importorskip("pyarrow").Table.from_pylist(CHATS)
    root = tmp_path_factory.mktemp("data")
    for name in ("samsum", "chatgpt-paraphrases"):
        (root / name).mkdir()
    parquet.write_table(table, root / "samsum" / "test.parquet")
    lines = "\n".join(json.dumps(row) for row in SENTENCES)
    (root / "chatgpt-paraphrases" / "train.jsonl").write_text(lines, encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the library's cache out of the user's home."""
    config = pytest.importorskip("datasets.config")
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def even(text: str) -> bool:
    return int("".join(char for char in text if char.isdigit())) % 2 == 0


def test_a_chat_is_asked_as_ours_are(folder: Path) -> None:
    task = load_task(f"{SAMSUM}:samples=30", "hf", folder)
    ours = load_task("paraphrase_summarize/summarization")
    samples = [task.sample(0, index) for index in range(30)]
    assert {sample.answer for sample in samples} == {row["summary"] for row in CHATS}
    assert [sample.answer for sample in samples] != [row["summary"] for row in CHATS]  # shuffled
    first = samples[0]
    assert first.turns[-1].text.startswith(ours.sample(0, 0).turns[-1].text.split("\n")[0] + "\nAda: ")
    assert (
        first.facts["kind"] == "summary" and first.facts["references"] == [first.answer] and "\r" not in first.facts["source"]
    )
    assert (task.metrics, task.max_new_tokens, task.suite, task.name) == (ours.metrics, 64, "hf", SAMSUM)
    assert len(first.turns) == 1 and len(task.sample(0, 29, shots=2).turns) == 5


def test_a_sentence_is_asked_as_ours_are(folder: Path) -> None:
    task = load_task(f"{PARAPHRASES}:samples=5", "hf", folder)
    sample = task.sample(3, 4)
    number = sample.facts["source"].split()[-1]
    assert sample.facts["references"] == [f"Is this {number}", f"Would it be {number}"]
    assert sample.turns[0].text.endswith(f"\nIs it {number}") and sample.answer == f"Is this {number}"
    assert task.sample(9, 4).turns == sample.turns  # the seed decides the order alone


@pytest.mark.parametrize("name", [SAMSUM, PARAPHRASES])
def test_only_clean_sources_are_kept_in_the_same_order(folder: Path, name: str) -> None:
    every = load_task(f"{name}:samples=30", "hf", folder)
    kept = load_task(f"{name}:samples=15", "hf", folder, clean=even)
    answers = [every.sample(0, index).answer for index in range(30)]
    assert [kept.sample(0, index).answer for index in range(15)] == [answer for answer in answers if even(answer)]
    assert kept.fingerprint != every.fingerprint
    assert kept.fingerprint == load_task(f"{name}:samples=15", "hf", folder, clean=even).fingerprint
    assert (kept.spec, load_task(f"{name}:samples=3", "hf", folder).spec) == (f"{name}:samples=15", f"{name}:samples=3")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (f"{SAMSUM}:samples=31", f"only 30 rows of '{SAMSUM}' pass the filter; write {SAMSUM}:samples=30"),
        (f"{SAMSUM}:samples=many", "'samples' is 'many'"),
        (f"{SAMSUM}:sample=3", "did you mean 'samples'"),
        (f"{SAMSUM}:infill=true", "has no key 'infill'"),
        ("paraphrase_summarize/samsun", "did you mean 'paraphrase_summarize/samsum'"),
    ],
)
def test_a_mistake_is_one_sentence(folder: Path, spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_task(spec, "hf", folder)
    assert "\n" not in str(caught.value)


def test_a_folder_without_the_data_and_rows_of_another_schema_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read") as caught:
        load_task(SAMSUM, "hf", tmp_path)
    assert "\n" not in str(caught.value) and "--data-dir" in str(caught.value)
    (tmp_path / "samsum").mkdir()
    (tmp_path / "samsum" / "test.jsonl").write_text('{"text": "x"}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"row 0 of the shuffled knkarthick/samsum is not as expected"):
        load_task(SAMSUM, "hf", tmp_path)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'parallelbench\[hf\]'"):
        load_task(SAMSUM, "hf")


def test_the_filter_of_a_run_is_the_embedded_checker(folder: Path, tmp_path: Path) -> None:
    from parallelbench.experiments.spec import Sweep
    from parallelbench.experiments.task_specs import load_tasks

    (tmp_path / "chatgpt-paraphrases").mkdir()
    texts = ["He walks home.", "He walk home.", "An cat sleeps.", "She sleeps."]
    rows = [json.dumps({"text": text, "paraphrases": "['A', 'B']"}) for text in texts]
    (tmp_path / "chatgpt-paraphrases" / "train.jsonl").write_text("\n".join(rows), encoding="utf-8")
    write: Callable[[int], str] = f"{PARAPHRASES}:samples={{}}".format
    (task,) = load_tasks(Sweep(models="tiny", tasks=write(2), decoders="confidence", suite="hf", data_dir=tmp_path))
    assert {task.sample(0, index).facts["source"] for index in range(2)} == {"He walks home.", "She sleeps."}
    with pytest.raises(UserError, match="only 2 rows"):
        load_tasks(Sweep(models="tiny", tasks=write(3), decoders="confidence", suite="hf", data_dir=tmp_path))
