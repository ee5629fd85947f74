"""Golden cases: every reason is found where it is, alone where it stands alone, and several where there are several."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.metrics import resolve
from parallelbench.metrics.failures import LABELS, is_full, label
from parallelbench.schema import Sample
from parallelbench.tasks import TASKS, load_task
from parallelbench.tasks.lists import write

PEOPLE = ["Ada Byron", "Emmy Noether", "Alan Turing", "Grace Hopper"]
SHUFFLED = [PEOPLE[2], PEOPLE[0], PEOPLE[3], PEOPLE[1]]
SOURCE = "The old ferry crosses the bay twice a day."


def listed(law: str, expected: list[str], **more: Any) -> Sample:
    return Sample("t", 1, 0, 0, (), write(expected), {"items": PEOPLE, "expected": expected, **more}, write(expected), law)


def written(**facts: Any) -> Sample:
    return Sample("t", 1, 0, 0, (), "", facts)


SHUFFLE = listed("shuffle", SHUFFLED)
REVERSE = listed("deterministic", PEOPLE[::-1])
REMOVE = listed("deterministic", PEOPLE[:3])
REMOVE_ANY = listed("remove_random", PEOPLE[:3])
REPLACE_ANY = listed("replace_random", [*PEOPLE[:3], "Mary Jackson"], word="Mary Jackson")
INSERT_ANY = listed("insert_random", [*PEOPLE, "Mary Jackson"], word="Mary Jackson")
INSERT = listed("deterministic", ["Mary Jackson", *PEOPLE], word="Mary Jackson", index=0)
WORDS = written(kind="sentence", words=["ferry", "bay"])
STORY = written(kind="story", words=["ferry", "bay"])
PARAPHRASE = written(kind="paraphrase", source=SOURCE, references=["Twice a day, the old ferry goes over the bay."])
LATIN = Sample("t", 1, 0, 0, (), "", {"symbols": ["A", "B", "C"]}, "", "latin_square")
SUDOKU = Sample("t", 1, 0, 0, (), "", {"puzzle": "1034\n3412\n2143\n4321", "solution": "1234\n3412\n2143\n4321"}, "")
SUM = Sample("t", 1, 0, 0, (), "", {"answers": ["18"], "read": ["after", "####"]})

CASES: list[tuple[str, Sample, str, set[str]]] = [
    ("first and last names of two people exchanged", SHUFFLE,
     write(["Alan Byron", "Ada Turing", "Grace Hopper", "Emmy Noether"]), {"names_swapped"}),
    ("one person twice, another gone", SHUFFLE,
     write([PEOPLE[1], PEOPLE[0], PEOPLE[3], PEOPLE[0]]), {"item_duplicated", "item_lost"}),
    ("a person too few", SHUFFLE, write(SHUFFLED[:3]), {"item_lost"}),
    ("nobody moved", SHUFFLE, write(PEOPLE), {"unchanged"}),
    ("the last quotation mark is missing", REVERSE, write(PEOPLE[::-1])[:-2] + "]", {"format_broken"}),
    ("a stranger", REVERSE, write(["Kurt", *PEOPLE[::-1]]), {"item_invented"}),
    ("two neighbours exchanged", REVERSE, write([PEOPLE[3], PEOPLE[1], PEOPLE[2], PEOPLE[0]]), {"order_wrong"}),
    ("the wrong one removed", REMOVE, write([PEOPLE[0], PEOPLE[1], PEOPLE[3]]), {"item_lost", "item_kept"}),
    ("two removed", REMOVE_ANY, write(PEOPLE[:2]), {"item_lost"}),
    ("none removed", REMOVE_ANY, write(PEOPLE), {"unchanged"}),
    ("one removed, the rest stirred", REMOVE_ANY, write([PEOPLE[1], PEOPLE[0], PEOPLE[2]]), {"order_wrong"}),
    ("put in, but nobody left", REPLACE_ANY, write([*PEOPLE, "Mary Jackson"]), {"item_kept"}),
    ("put into another slot than the one that is free", REPLACE_ANY, write(["Mary Jackson", *PEOPLE[:3]]), {"order_wrong"}),
    ("the new one twice", INSERT_ANY, write(["Mary Jackson", *PEOPLE, "Mary Jackson"]), {"item_duplicated"}),
    ("the new one forgotten", INSERT, write(PEOPLE), {"unchanged"}),
    ("the new one at the wrong place", INSERT, write([*PEOPLE, "Mary Jackson"]), {"order_wrong"}),
    ("no end", REVERSE, '["Grace Hopper", "Alan Turing", "Emmy', {"cut_off", "format_broken", "item_lost", "item_invented"}),
    ("a mask left", REVERSE, write(PEOPLE[::-1]).replace("Grace Hopper", "[MASK]"),
     {"special_token", "format_broken", "item_invented", "item_lost"}),
    ("nothing", REVERSE, " ", {"empty", "format_broken"}),
    ("a row holds a symbol twice", LATIN, "A,B,C\nB,C,A\nC,C,B", {"symbol_repeated"}),
    ("a stranger in a square", LATIN, "A,B,C\nB,C,A\nC,A,X", {"item_invented"}),
    ("no square", LATIN, "A,B,C", {"format_broken"}),
    ("a given cell was changed", SUDOKU, "1234\n3412\n2143\n4312", {"given_changed", "symbol_repeated"}),
    ("a word twice in a row", WORDS, "The ferry crosses the the bay.", {"repeated_word"}),
    ("an before a consonant", WORDS, "The ferry is an disgraceful sight in the bay.", {"a_an"}),
    ("subject and verb disagree", WORDS, "They was on the ferry in the bay.", {"agreement"}),
    ("no verb", WORDS, "The ferry in the bay.", {"missing_verb"}),
    ("a broken verb phrase and a repeat", WORDS, "The ferry has went to the the bay.", {"repeated_word", "verb_form"}),
    ("a word that has no place", WORDS, "The of ferry sails in the bay.", {"stray_word"}),
    ("no word", WORDS, "The ferry sails in the bayhouzz.", {"spelling"}),
    ("a space too many", WORDS, "The ferry , it seems, sails in the bay.", {"punctuation"}),
    ("no mark at the end", WORDS, "The ferry sails in the bay", {"punctuation"}),
    ("a word left out", WORDS, "The ferry sails.", {"word_missing"}),
    ("the words in another order", STORY, "In the bay sails a ferry.", {"words_disordered"}),
    ("the source again", PARAPHRASE, "The old ferry crosses the bay twice a day", {"copied_source"}),
    ("a foreign special token", WORDS, "The ferry <|mdm_mask|> sails in the bay.", {"special_token", "spelling"}),
    ("a marker with nothing behind it", SUM, "The sum is 18.\n####", {"answer_begun"}),
    ("no marker", SUM, "The sum is 19.", {"answer_missing"}),
    ("another number", SUM, "#### 19", {"wrong_answer"}),
    ("no reason is known", PARAPHRASE, "The ferry goes twice a day.", {"other"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "sample", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_golden(what: str, sample: Sample, text: str, expected: set[str]) -> None:
    found = set(label(sample, text, right=False, full="cut_off" in expected))
    assert expected <= found, what
    assert found - expected <= {"grammar_other", "stray_word", "punctuation"}, what


def test_every_reason_but_the_rest_has_a_case() -> None:
    of_programs = {"no_code", "code_broken", "code_raised", "timed_out", "tests_failed"}  # tests/sandbox
    assert set(LABELS) - {reason for *_, expected in CASES for reason in expected} == {"grammar_other", *of_programs}


@pytest.mark.parametrize("name", [name for name in TASKS.names() if not name.startswith("long/")])
def test_a_right_answer_has_no_reason(name: str) -> None:
    task = load_task(name)
    for index in range(3):
        sample = task.sample(0, index)
        right = resolve(task.metrics[0]).function(sample, sample.answer) == 1.0
        assert label(sample, sample.answer, right, full=False) == ()


def test_a_sentence_that_is_right_may_still_lack_a_word() -> None:
    assert label(WORDS, "The ferry sails.", right=True, full=False) == ("word_missing",)
    assert label(WORDS, "The ferry sails in the bay.", right=True, full=True) == ()
    assert label(WORDS, "The ferry sails in the", right=True, full=True) == ("cut_off", "word_missing")


def test_an_answer_is_full_where_no_end_token_is_left() -> None:
    assert is_full(3, 3, []) and is_full(0, 0, ["truncated"])
    assert not is_full(3, 2, []) and not is_full(0, 0, []) and not is_full(1, None, [])


ANY = st.one_of(st.text(st.characters(exclude_categories=()), max_size=60), st.text('["] ,AdaByron.\n123<|>', max_size=60))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([SHUFFLE, REMOVE_ANY, REPLACE_ANY, INSERT, LATIN, SUDOKU, WORDS, STORY, PARAPHRASE]), ANY, st.booleans())
def test_any_wrong_text_has_a_reason(sample: Sample, text: str, full: bool) -> None:
    found = label(sample, text, right=False, full=full)
    assert found and list(found) == [name for name in LABELS if name in found]
    assert found == label(sample, text, right=False, full=full)


@settings(max_examples=150, deadline=None)
@given(st.permutations(PEOPLE))
def test_a_wrong_permutation_is_named(order: list[str]) -> None:
    for sample, metric in ((SHUFFLE, "list_shuffle"), (REVERSE, "list_exact")):
        right = resolve(metric).function(sample, write(order)) == 1.0
        assert set(label(sample, write(order), right, full=False)) <= {"unchanged", "order_wrong"}
