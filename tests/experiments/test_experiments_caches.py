"""Caches and auxiliary models as an axis of a run: in a cell's identity, in the tables, refused before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallelbench.api import run, run_sweep
from parallelbench.contracts.denoiser import Denoiser
from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan
from parallelbench.experiments.spec import Sweep
from parallelbench.specs import build

TASK = "list_ops/copy:lengths=3,shots=0,max_new_tokens=8"


def test_each_cache_is_a_cell_of_its_own_and_named_in_the_table(random_model: Denoiser, tmp_path: Path) -> None:
    results = run(random_model, TASK, "confidence:k=2", cache=["none", "prefix"], limit=3, out=tmp_path / "out")
    name = random_model.info.name
    assert [row.model for row in results.rows] == [name, f"{name}, prefix cache (approximate)"]
    cells = [json.loads(path.read_text())["cell"] for path in sorted((tmp_path / "out").glob("cells/*/cell.json"))]
    assert {(cell["cache"], cell["approximate"]) for cell in cells} == {("none", False), ("prefix", True)}
    texts = [path.read_text() for path in (tmp_path / "out").glob("cells/*/records.jsonl")]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    assert {tuple(line["costs"]["nfe"]) for line in lines} == {("denoise",), ("refresh", "denoise")}


def test_without_a_cache_a_cell_keeps_the_id_it_always_had(random_model: Denoiser) -> None:
    def ids(**more: object) -> list[str]:
        pool = ModelPool()
        pool.add("given", random_model)
        asked = {"models": ["given"], "tasks": [TASK], "decoders": ["confidence:k=2"], "limit": 1, **more}
        return [work.cell.id for work in plan(build(Sweep, "test", asked), pool)]

    assert ids() == ids(cache="none") == ids(cache=["none", "none"])
    assert len({*ids(), *ids(cache=["prefix", "dual"])}) == 3


def test_an_auxiliary_model_counts_where_it_is_asked(tmp_path: Path) -> None:
    asked = {"models": "exact", "aux": "exact", "tasks": TASK, "decoders": ["one_by_one", "apd:ahead=4"], "limit": 2}
    results = run_sweep(build(Sweep, "test", asked), tmp_path / "out")
    assert [row.model for row in results.rows] == ["exact", "exact, aux exact"]
    assert results.frame["exact"].all()  # fault 41
    alone = plan(build(Sweep, "test", {**asked, "aux": None, "decoders": "one_by_one"}), ModelPool())
    assert alone[0].cell.id in {path.name for path in (tmp_path / "out" / "cells").iterdir()}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"decoders": "apd"}, "name one with --aux"),
        ({"cache": "prefix"}, "has no keys and values to keep"),
        ({"cache": "hot"}, "unknown cache 'hot'; known are"),
        ({"decoders": "apd", "aux": "tiny"}, "an auxiliary model needs the same tokenizer"),
        ({"aux": "exct"}, "did you mean 'exact'"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_writes_nothing(more: dict[str, str], words: str, tmp_path: Path) -> None:
    asked = {"models": "exact", "tasks": TASK, "decoders": "one_by_one", **more}
    with pytest.raises(UserError) as caught:
        run_sweep(build(Sweep, "test", asked), tmp_path / "out")
    assert words in str(caught.value) and "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_a_caution_goes_with_the_work() -> None:
    asked = {"models": "exact", "tasks": TASK, "decoders": ["joint_edit", "one_by_one"]}
    first, second = plan(build(Sweep, "test", asked), ModelPool())
    assert "was not trained to correct" in str(first.cautions) and not second.cautions
