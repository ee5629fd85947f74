"""The models that ship can do what they are for, one token at a time: the ground of every number about parallel decoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelbench import load_model, load_task, run

FEW = 5
"""Samples of a task: the gates in docs/tiny.md take 100 and more. All but one must be right."""


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("tiny", "waiting_line/reverse"),
        ("tiny", "waiting_line/shuffle"),
        ("tiny", "waiting_line/replace_index"),
        ("tiny", "waiting_line/insert_random"),
        ("tiny", "puzzle/sudoku_n4_12"),
        ("tiny", "puzzle/latin_square_n4"),
        ("tiny2", "waiting_line/shuffle:wording=polite,names=wide"),
        ("tiny2", "waiting_line/sort:wording=task_first"),
        ("tiny2", "list_ops/replace_index:items=numbers,lengths=[4,5],infill=false,max_new_tokens=32"),
        ("tiny-text", "words_to_sentence/easy:max_new_tokens=32"),
    ],
)
def test_a_shipped_model_answers_its_tasks(model: str, task: str, tmp_path: Path) -> None:
    results = run(load_model(model), load_task(task), decoders=["one_by_one"], limit=FEW, seed=11, out=tmp_path)
    assert results.frame["accuracy"].sum() >= FEW - 1
