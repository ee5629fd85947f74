"""Wordings and pools of names: what they change of a sample, what they leave, and that a cell knows them (fault 64)."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding import load_decoders
from parallelbench.errors import UserError
from parallelbench.experiments.cell import make_cell
from parallelbench.metrics import score
from parallelbench.tasks import TASKS, load_task, people
from parallelbench.tasks.people import wide_names
from parallelbench.tasks.wordings import WORDINGS, WordedTask

WORDED = [name for name in TASKS.names() if isinstance(load_task(name), WordedTask)]
EACH = pytest.mark.parametrize("name", WORDED)
INFO = ModelInfo("m", "r", vocab_size=9, mask_id=1, end_ids=(2,), pad_id=0, context_length=2048, shots=1)


def test_all_lists_and_puzzles_have_wordings_and_texts_have_none() -> None:
    assert set(WORDED) == {name for name in TASKS.names() if load_task(name).law}
    with pytest.raises(UserError, match="no key 'wording'"):
        load_task("words_to_sentence/easy:wording=polite")
    with pytest.raises(UserError, match="'plain', 'polite' or 'task_first'"):
        load_task("waiting_line/copy:wording=rude")


@EACH
@pytest.mark.parametrize("shots", [0, 1])
def test_a_wording_changes_the_questions_and_nothing_else(name: str, shots: int) -> None:
    samples = {one: load_task(name, wording=one, shots=shots).sample(3, 2) for one in WORDINGS}
    assert len({sample.turns for sample in samples.values()}) == len(WORDINGS)
    assert samples["plain"] == load_task(name, shots=shots).sample(3, 2)
    for sample in samples.values():
        plain = samples["plain"]
        assert (sample.answer, sample.facts, sample.frame, sample.law) == (plain.answer, plain.facts, plain.frame, plain.law)
        questions = [turn.text for turn in sample.turns if turn.role == "user"]
        assert len(questions) == 1 + shots and not any(brace in text for text in questions for brace in "{}")
        assert [turn.text for turn in sample.turns[1::2]] == [turn.text for turn in plain.turns[1::2]]


@EACH
def test_every_wording_shows_what_must_be_known(name: str) -> None:
    for wording in WORDINGS:
        sample = load_task(name, wording=wording).sample(1, 1, shots=0)
        text, facts = sample.turns[-1].text, sample.facts
        shown = [*facts.get("items", ()), *facts.get("symbols", ()), *str(facts.get("puzzle", "")).split()]
        shown += [str(facts[key]) for key in ("word", "index") if key in facts]
        assert shown and all(one in text for one in shown)
        assert "index" not in facts or "0" in text  # where positions are counted from


def test_a_shuffle_that_may_stay_says_so_in_every_wording() -> None:
    for wording in WORDINGS:
        texts = [
            load_task("list_ops/shuffle", wording=wording, may_stay=may, shots=0).sample(0, 0).turns[-1].text
            for may in (False, True)
        ]
        assert texts[0] != texts[1] and not any(word in texts[1] for word in ("not the given", "some other", "not allowed"))


@pytest.mark.parametrize("key", ["wording", "names"])
def test_an_option_is_part_of_the_cell_by_name_and_by_content(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"wording": WORDINGS, "names": ("standard", "wide")}[key]
    decoder = load_decoders("one_by_one")[0]

    def ids() -> list[str]:
        return [make_cell(INFO, load_task("waiting_line/copy", **{key: value}), decoder, 1).id for value in values]

    before = ids()
    assert len(set(before)) == len(values)
    assert load_task("waiting_line/copy").fingerprint == ""
    assert make_cell(INFO, load_task("waiting_line/copy"), decoder, 1).id == before[0]
    changed(key, monkeypatch)
    after = ids()
    assert after[0] == before[0] and all(one != other for one, other in zip(after[1:], before[1:], strict=True))


def changed(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the table that an option reads, but not the text of the default."""
    if key == "names":
        monkeypatch.setattr("parallelbench.tasks.waiting_line.more_names", lambda: {"first": ["Xaver"]})
        return
    from parallelbench.tasks import wordings

    whole = wordings.table("wordings.yaml")
    lines: dict[str, Any] = whole["waiting_line"]
    other = {name: texts if name == "plain" else {**texts, "copy": "Again!"} for name, texts in lines.items()}
    monkeypatch.setattr(wordings, "table", lambda name: {**whole, "waiting_line": other})


@pytest.mark.parametrize("name", [name for name in WORDED if name.startswith("waiting_line/")])
@pytest.mark.parametrize("length", [2, 3, 12, 20])
def test_people_of_the_wide_pools_share_names_and_differ(name: str, length: int) -> None:
    task = load_task(name, names="wide", lengths=length, shots=0)
    shared = Counter[str]()
    for index in range(12):
        sample = task.sample(5, index)
        people = [*sample.facts["items"], *([sample.facts["word"]] if "word" in sample.facts else [])]
        first, last = zip(*(person.split() for person in people), strict=True)
        assert len(set(people)) == len(people) and not any(a == b for a, b in zip(first, last, strict=True))
        shared["first"] += len(set(first)) < len(first)
        shared["last"] += len(set(last)) < len(last)
        assert score(sample, sample.answer, task.metrics) == dict.fromkeys(task.metrics, 1.0)
        if name.endswith("/sort"):
            names = [person.split()[1] for person in sample.facts["expected"]]
            assert names == sorted(set(names))
    assert (shared["first"] > 8 and (shared["last"] > 8 or name.endswith("/sort"))) or length < 12
    assert not (name.endswith("/sort") and shared["last"])


def test_the_wide_pools_are_larger_plain_words_and_overlap() -> None:
    first, last = wide_names()
    assert len(set(first)) == len(first) == 297 and len(set(last)) == len(last) == 412
    assert all(word.isalpha() and word.isascii() and word[0].isupper() for word in (*first, *last))
    assert len(set(first) & set(last)) == 55


@pytest.mark.parametrize("distinct_last", [False, True])
def test_people_who_share_names_are_enough_even_where_first_and_last_names_are_the_same(
    distinct_last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = tuple("ABCDEFG")  # with the real pools two of two names coincide in one draw of two million
    monkeypatch.setattr(people, "wide_names", lambda: (pool, pool))
    for count in (2, 3, 4, 6):
        for draw in range(300):
            drawn = people.draw_relatives(Random(f"{count} {draw}"), count, distinct_last)
            assert len(set(drawn)) == count and not any(first == last for first, last in map(str.split, drawn))
