"""Sweeps: what may be written, and the sentence for what may not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import fake_model  # noqa: F401  (registers the fake model)
import pytest

from parallelbench.decoding import Decoder
from parallelbench.errors import UserError
from parallelbench.experiments.model_pool import ModelPool
from parallelbench.experiments.plan import plan, shortfall
from parallelbench.experiments.spec import Sweep, load_sweep
from parallelbench.experiments.task_specs import expand
from parallelbench.runs.cell import run_identity
from parallelbench.schema import DecoderFacts
from parallelbench.specs import build
from parallelbench.tasks import Task

OK = {"models": "fake", "tasks": "waiting_line/copy", "decoders": "confidence:k=[1,2]"}


def sweep(**more: object) -> Sweep:
    return build(Sweep, "sweep", {**OK, **more})


def cells(**more: object) -> list[str]:
    return [work.cell.id for work in plan(sweep(**more), ModelPool())]


def test_scalars_stand_for_lists_and_seed_for_seeds(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("models: fake\ntasks: [waiting_line/copy]\ndecoders: one_by_one\nseed: 3\nlimit: 5\n")
    loaded = load_sweep(path)
    assert (loaded.models, loaded.decoders, loaded.seeds, loaded.limit) == (("fake",), ("one_by_one",), (3,), 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modles: fake\ntasks: a\ndecoders: b\nmodels: c", "has no key 'modles'; did you mean 'models'"),
        ("models: fake\ntasks: a\ndecoders: b\nlimit: 0", "'limit' is 0"),
        ("models: fake\ntasks: a\ndecoders: b\nseed: 1\nseeds: [2]", "mean the same; write one of them"),
        ("models: fake\ndecoders: b", "needs 'tasks'"),
        ("- a\n- b", "is no table of keys"),
        ("models: [fake\n", "is no valid YAML"),
        ("models: fake\ntasks: []\ndecoders: b", "'tasks' is []"),
        ("models: fake\ntasks: a\ndecoders: b\nsuite: theirs", "'suite' is 'theirs'"),
    ],
)
def test_a_mistake_in_a_sweep_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_sweep(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unreadable_sweep_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_sweep(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not UTF-8"):
        load_sweep(tmp_path / "bytes.yaml")


def test_only_what_can_change_an_answer_names_a_cell() -> None:
    base = cells()
    assert len(base) == len(set(base)) == 2
    assert cells(limit=3) == cells(batch_size=1) == cells(tasks="waiting_line/copy:samples=7") == base
    changes = [
        {"seed": 1},
        {"shots": 1},
        {"tasks": "waiting_line/sort"},
        {"tasks": "waiting_line/copy:lengths=[3]"},
        {"tasks": "waiting_line/copy:max_new_tokens=64"},
        {"tasks": "waiting_line/copy:infill=true"},
        {"decoders": "confidence:k=[3,4]"},
        {"decoders": "confidence:k=[1,2],temperature=0.5"},
        {"models": "fake:revision=two"},
    ]
    others = [tuple(cells(**change)) for change in changes]
    assert len({tuple(base), *others}) == len(changes) + 1
    assert not set(base) & {cell for ids in others for cell in ids}


def test_a_plan_derives_what_cells_have_in_common_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the 2,788 cells of the paper are planned within a second: once for each decoder, and once for each task."""
    counts: Counter[str] = Counter()
    facts, dump = Decoder.facts.fget, Task.model_dump  # type: ignore[attr-defined]

    def counted_facts(self: Decoder) -> DecoderFacts:
        counts["facts"] += 1
        found: DecoderFacts = facts(self)
        return found

    def counted_dump(self: Task, **options: Any) -> dict[str, Any]:
        counts["dump"] += "exclude" in options
        return dump(self, **options)

    monkeypatch.setattr(Decoder, "facts", property(counted_facts))
    monkeypatch.setattr(Task, "model_dump", counted_dump)
    tasks = ["waiting_line/copy", "waiting_line/sort", "waiting_line/reverse"]
    assert len(cells(tasks=tasks, decoders="confidence:k=[1,2,4,8]", seeds=[0, 1])) == 24
    assert counts == {"facts": 4, "dump": 3}


def test_the_same_cell_is_planned_once_and_order_names_no_run() -> None:
    twice = cells(decoders=["confidence:k=[1,2]", "confidence:k=1"])
    assert twice == cells()
    assert run_identity(twice) == run_identity(twice[::-1])


def test_a_star_stands_for_names_and_keeps_the_options() -> None:
    names = expand(["waiting_line/replace_*:shots=0"], sweep())
    assert names == ["waiting_line/replace_index:shots=0", "waiting_line/replace_random:shots=0"]
    with pytest.raises(UserError, match=r"unknown task 'waiting_lin/\*'"):
        expand(["waiting_lin/*"], sweep())


def test_a_limit_takes_the_first_of_a_seeded_order_and_says_where_there_are_fewer() -> None:
    few, more = (plan(sweep(limit=limit), ModelPool())[0].indices for limit in (5, 9))
    assert more[:5] == few
    assert few != tuple(range(5))
    works = plan(sweep(limit=150), ModelPool())
    assert "waiting_line/copy has 100 samples, fewer than the limit of 150" in str(shortfall(works, 150))
    assert shortfall(works, 100) is None


def test_a_pair_that_cannot_work_is_refused_in_the_plan() -> None:
    with pytest.raises(UserError, match="cannot be divided into blocks of 5"):
        cells(decoders="confidence:block=5")


def test_frames_of_all_lengths_take_any_block() -> None:
    assert len(cells(models="exact", tasks="list_ops/shuffle:lengths=[4]", decoders="confidence:block=3")) == 1
