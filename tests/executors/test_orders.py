"""A worker makes the same cell from names, or says that it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parallelbench.errors import UserError
from parallelbench.experiments.executors.chunks import Chunk
from parallelbench.experiments.executors.orders import Order, Planner, order_of
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import PlannedCell, plan
from parallelbench.experiments.spec import Sweep

MINE = """
import numpy as np
import parallelbench as pb
from parallelbench.decoding.quota import Fixed


class Middle(pb.RankingDecoder):
    '''Commit the positions nearest to the middle.'''

    family = "middle"
    k: int = 1

    def score(self, signals, state):
        return -np.abs(signals.positions - np.mean(state.window))

    def quota(self):
        return Fixed(self.k)
"""
TASK = """
type: shuffle
words: [apple, pear, plum, fig, lime]
lengths: [3, 4]
prompt: 'Shuffle {context}. Answer with the list only.'
"""


def planned(**options: Any) -> list[PlannedCell]:
    sweep = {"models": "exact", "tasks": "waiting_line/copy", "decoders": "confidence:k=2", "limit": 3, **options}
    return plan(Sweep.model_validate(sweep), ModelPool())


def order(work: PlannedCell) -> Order:
    return order_of(work, Chunk(work.cell.id, work.model, work.indices), None)


@pytest.mark.parametrize(
    "options",
    [
        {"models": ["exact", "exact:tokenizer=tiny", "tiny"]},
        {"models": "tiny", "cache": ["none", "prefix", "dual"], "decoders": "confidence:k=2,block=8"},
        {"aux": "exact", "decoders": ["apd:weight=0.5", "threshold:gamma=[0.5,0.9],temperature=0.7"]},
        {"tasks": ["waiting_line/*", "puzzle/sudoku_n4_12:infill=true", "list_ops/sort:lengths=[3,4],shots=2"]},
        {"seeds": [0, 7], "shots": 3, "tasks": ["waiting_line/shuffle:wording=polite,names=wide,max_new_tokens=96"]},
        {"models": "tiny", "tasks": ["waiting_line/copy:lengths=[9]", "words_to_sentence/easy"]},
    ],
)
def test_the_same_cell_is_made_from_names(options: dict[str, Any]) -> None:
    works = planned(**options)
    planner = Planner(ModelPool())
    assert works
    for work in works:
        again = planner.plan(order(work))
        assert again.cell == work.cell and again.indices == work.indices and again.aux == work.aux
        assert again.task.sample(work.cell.seed, work.indices[0]) == work.task.sample(work.cell.seed, work.indices[0])


def test_a_decoder_file_that_differs_is_another_cell(tmp_path: Path) -> None:
    folder = tmp_path / "lr=1e-5, b:8"
    folder.mkdir()
    file = folder / "mine.py"
    file.write_text(MINE)
    (work,) = planned(decoders=f'"{file}":Middle:k=2,temperature=0.5')
    assert Planner(ModelPool()).plan(order(work)).cell == work.cell
    file.write_text(MINE.replace("-np.abs", "-2 * np.abs"))
    with pytest.raises(UserError, match=r"is another cell on .* install the same versions there"):
        Planner(ModelPool()).plan(order(work))
    file.unlink()
    with pytest.raises(UserError):
        Planner(ModelPool()).plan(order(work))


def test_a_task_file_that_differs_is_another_cell(tmp_path: Path) -> None:
    file = tmp_path / "my task, 1.yaml"
    file.write_text(TASK)
    (work,) = planned(tasks=f'"{file}":samples=4')
    assert Planner(ModelPool()).plan(order(work)).cell == work.cell
    file.write_text(TASK.replace("fig", "kiwi"))
    with pytest.raises(UserError, match="is another cell on"):
        Planner(ModelPool()).plan(order(work))


@pytest.mark.parametrize(
    "change",
    [
        {"model": "exact:tokenizer=tiny"},
        {"task": "waiting_line/reverse"},
        {"decoder": "confidence:k=3"},
        {"seed": 1},
        {"decoder": None},
    ],
)
def test_an_order_for_another_cell_is_refused(change: dict[str, Any]) -> None:
    (work,) = planned()
    with pytest.raises(UserError):
        Planner(ModelPool()).plan(replace(order(work), **change))
