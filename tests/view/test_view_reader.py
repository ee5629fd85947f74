"""What the explorer knows of a run: also while it is written, when it is damaged, and of several folders."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.experiments.scoring import label_run
from parallelbench.runs.cell_folder import CELL, DONE, RECORDS
from parallelbench.runs.folder import read_run
from parallelbench.view.chosen import Chosen
from parallelbench.view.index import Index
from parallelbench.view.query import Query
from parallelbench.view.reader import Reader
from parallelbench.view.rows import LONGEST_TEXT, Rows, rows_with


@pytest.fixture
def copy(out: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(out, tmp_path / "run"))


def opened(*folders: Path) -> Reader:
    reader = Reader(Index(read_run(*folders)))
    reader.refresh()
    return reader


def count(reader: Reader, **filters: str) -> int:
    return int(Chosen(reader.index, Query(**filters)).found.sum())


def cells_of(run: Path) -> list[Path]:
    return sorted((run / "cells").iterdir())


def test_a_run_that_goes_on_is_followed_line_by_line_and_cell_by_cell(copy: Path, tmp_path: Path) -> None:
    first, second, *_ = cells_of(copy)
    lines = (first / RECORDS).read_bytes().splitlines(keepends=True)
    (first / RECORDS).write_bytes(b"".join(lines[:2]) + lines[2][:100])
    (first / DONE).unlink()
    shutil.move(second, tmp_path / "later")
    reader = opened(copy)
    assert count(reader) == 36 - 6 - 4 and reader.index.whole and not reader.index.faults
    version = reader.index.version
    reader.refresh()
    assert reader.index.version == version
    with (first / RECORDS).open("ab") as file:
        file.write(lines[2][100:] + lines[3])
    reader.refresh()
    assert count(reader) == 36 - 6 - 2 and reader.index.version > version
    shutil.move(tmp_path / "later", second)
    reader.refresh()
    assert count(reader) == 36 - 2 and not reader.index.faults
    assert {one.id for one in reader.index.names} == {cell.name for cell in cells_of(copy)}
    one = reader.index.rows.snapshot().rows[-1]
    assert reader.index.names[one["cell"]].id == second.name


def test_a_run_without_a_sample_is_empty_until_the_first(copy: Path, tmp_path: Path) -> None:
    shutil.move(copy / "cells", tmp_path / "cells")
    reader = opened(copy)
    chosen = Chosen(reader.index, Query(text="a", order="question"))
    assert (count(reader), chosen.page(), chosen.options()["task"]) == (0, [], [])
    shutil.move(tmp_path / "cells", copy / "cells")
    reader.refresh()
    assert count(reader) == 36


def test_a_file_that_was_replaced_is_read_anew(copy: Path) -> None:
    records = cells_of(copy)[0] / RECORDS
    reader = opened(copy)
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[4:]))
    reader.refresh()
    assert count(reader) == 36 - 4 and len(reader.index.rows.snapshot().rows) > 36 - 4


@pytest.mark.parametrize("bad", [b"{}\n", b"\xff\n", b"[" * 5000 + b"\n", b"\n", b'{"schema": 2}\n'])
def test_a_damaged_line_is_named_and_the_others_are_shown(copy: Path, bad: bytes) -> None:
    records = cells_of(copy)[0] / RECORDS
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join([*lines[:3], bad, lines[0], *lines[3:]]))
    reader = opened(copy)
    assert count(reader) == 36 and len(reader.index.faults) == 2
    assert str(records) in reader.index.faults[0] and "line 5 repeats the sample" in reader.index.faults[1]


def test_a_pipe_in_place_of_a_file_is_a_sentence(copy: Path) -> None:
    records = cells_of(copy)[0] / RECORDS
    records.unlink()
    os.mkfifo(records)
    reader = opened(copy)
    assert count(reader) == 30 and reader.index.faults == [
        f"{records} is no regular file; 'parallelbench repair {copy}' " + SETS
    ]


SETS = "sets aside what is damaged, and the same command again then decodes only what is missing."


def test_a_sample_in_two_folders_counts_once(out: Path, copy: Path) -> None:
    first = cells_of(copy)[0]
    for cell in cells_of(copy)[1:]:
        shutil.rmtree(cell)
    records = (first / RECORDS).read_bytes().splitlines(keepends=True)
    (first / RECORDS).write_bytes(b"".join(records[:2]))
    (first / DONE).unlink()
    for folders in ((copy, out), (out, copy)):
        assert count(opened(*folders)) == 36


def test_reasons_that_are_computed_later_become_a_filter(copy: Path) -> None:
    reader = opened(copy)
    wrong = count(reader, outcome="wrong")
    assert count(reader, outcome="wrong", reason="not computed") == wrong > 0
    label_run(read_run(copy))
    reader.refresh()
    assert count(reader, reason="not computed") == 0
    options = Chosen(reader.index, Query(outcome="wrong")).options()["reason"]
    assert options and sum(one["count"] for one in options) >= wrong
    assert all(count(reader, outcome="wrong", reason=one["value"]) == one["count"] > 0 for one in options)


@pytest.mark.parametrize(("order", "key"), [("fast", lambda row: -row["speed"]), ("slow", lambda row: row["speed"])])
def test_samples_are_ordered_and_pages_follow_each_other(explorer_rows: Reader, order: str, key: object) -> None:
    chosen = Chosen(explorer_rows.index, Query(order=order))
    values = [key(chosen.rows[place]) for place in chosen.page()]  # type: ignore[operator]
    assert values == sorted(values) and len(set(chosen.page())) == 36
    assert Chosen(explorer_rows.index, Query(order=order, offset=30)).page() == chosen.page()[30:]
    by_question = Chosen(explorer_rows.index, Query(order="question"))
    names = explorer_rows.index.names
    seen = [(names[row["cell"]].questions, int(row["index"])) for row in by_question.rows[by_question.page()]]
    assert all(len(set(seen[at : at + 3])) == 1 for at in range(0, 36, 3))


@pytest.fixture(scope="module")
def explorer_rows(out: Path) -> Reader:
    return opened(out)


def row_of(index: int) -> tuple[float, ...]:
    return (0, 0, index, 0, 0, 1.0, 0, 1, 1.0)


TEXTS = st.sampled_from(["", "ab", "aB c", "a.c", "\0", "Straße", "STRASSE", "İi", "xz", "*a*", "ba"])


@settings(deadline=None, max_examples=20)
@given(pages=st.lists(st.lists(TEXTS, max_size=5), max_size=4), words=st.lists(TEXTS, min_size=1, max_size=3))
def test_words_are_found_where_a_plain_search_finds_them(pages: list[list[str]], words: list[str]) -> None:
    rows, texts = Rows(), [text for page in pages for text in page]
    for page in pages:
        rows.append([row_of(at) for at in range(len(page))], page)
    snapshot = rows.snapshot()
    among = np.arange(len(texts)) % 3 != 0
    found = rows_with(snapshot, words, among)
    plain = [all(word.lower() in text.lower() for word in words) for text in texts]
    assert found.tolist() == [bool(a and b) for a, b in zip(plain, among.tolist(), strict=True)]


def test_only_the_beginning_of_a_very_long_text_is_searched() -> None:
    rows = Rows()
    rows.append([row_of(0), row_of(1)], ["x" * (LONGEST_TEXT - 1) + "YZ", "z"])
    everything = np.ones(2, dtype=np.bool_)
    assert [rows_with(rows.snapshot(), [word], everything).tolist() for word in ("Xy", "z")] == [[True, False], [False, True]]


def test_a_cell_file_that_is_damaged_while_the_run_is_followed_is_a_sentence(copy: Path, tmp_path: Path) -> None:
    first = cells_of(copy)[0]
    shutil.move(first, tmp_path / "later")
    reader = opened(copy)
    about = json.loads((tmp_path / "later" / CELL).read_text())
    (tmp_path / "later" / CELL).write_text(json.dumps({**about, "id": "0" * 16}))
    shutil.move(tmp_path / "later", first)
    reader.refresh()
    assert count(reader) == 30 and "describes the cell" in reader.index.faults[0]
