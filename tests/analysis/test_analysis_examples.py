"""Which samples a report shows: the ends of telling cells, and every reason why answers fail."""

from __future__ import annotations

from pathlib import Path

import fake_model  # noqa: F401  (registers the fake model)
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.analysis import frame
from parallelbench.analysis.examples import MOST_SAMPLES, examples, telling_samples
from parallelbench.analysis.failures import coded
from parallelbench.api import run
from parallelbench.runs.folder import read_run

TASKS = ["waiting_line/copy", "waiting_line/shuffle"]


def test_examples_are_the_ends_of_each_cell(tmp_path: Path) -> None:
    out = run(
        "fake:errors=0.6", TASKS, ["confidence:k=[1,2,4,8]", "threshold:gamma=[0.5,0.9]"], limit=6, out=tmp_path / "out"
    ).out
    samples = frame.samples(out)
    cells = frame.cells(samples)
    found = list(examples(read_run(out), telling_samples(cells, samples, coded(samples, ()))))
    assert len(found) <= MOST_SAMPLES
    for cell, part in samples[samples["cell"].isin([example.cell for example in found])].groupby("cell"):
        mine = {example.rank: example.record for example in found if example.cell == cell}
        scores = dict(zip(part["sample_id"], part["accuracy"], strict=True))
        assert scores[mine["best"].sample_id] == part["accuracy"].max()
        assert ("worst" in mine) == (part["accuracy"].nunique() > 1)
        if "worst" in mine:
            assert scores[mine["worst"].sample_id] == part["accuracy"].min()


def tables_of(accuracies: dict[str, list[float]], n: int = 10) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One cell with `n` samples for each accuracy, task by task; and the samples."""
    cells = [
        {"cell": f"{task}{place}", "model": "m", "suite": "s", "task": task, "accuracy": accuracy}
        for task, found in accuracies.items()
        for place, accuracy in enumerate(found)
    ]
    samples = [
        {"cell": cell["cell"], "index": index, "sample_id": f"{cell['cell']}/{index}", "tokens_per_step": 1.0,
         "accuracy": float(index >= round(n * (1 - float(str(cell["accuracy"])))))}
        for cell in cells for index in range(n)
    ]  # fmt: skip
    return pd.DataFrame(cells), pd.DataFrame(samples)


def test_of_many_cells_those_with_right_and_wrong_answers_are_shown() -> None:
    cells, samples = tables_of({"a": [1.0, 0.0], "b": [0.5]})
    few = telling_samples(cells, samples, coded(samples, ()))
    assert {cell: list(ranks) for cell, ranks in few.items()} == {"a0": ["best"], "a1": ["best"], "b0": ["best", "worst"]}
    cells, samples = tables_of({"a": [1.0] * 30, "b": [0.9, 0.4, 0.0, 0.6] + [1.0] * 30, "c": [0.3, 0.2] * 15})
    chosen = telling_samples(cells, samples, coded(samples, ()))
    assert sum(map(len, chosen.values())) == MOST_SAMPLES and list(chosen) == sorted(chosen, key=list(cells["cell"]).index)
    assert {"b0", "b1", "b3", "c0"} <= set(chosen), "tasks take turns, nearest 50 % first"
    assert not any(name.startswith("a") for name in chosen) and "b2" not in chosen


def test_cells_that_are_all_right_are_examples_where_there_are_no_others() -> None:
    tasks = {f"t{number:02}": [1.0, 0.0] for number in range(MOST_SAMPLES + 5)}
    cells, samples = tables_of(tasks)
    chosen = telling_samples(cells, samples, coded(samples, ()))
    assert chosen == {f"t{number:02}0": {"best": 0} for number in range(MOST_SAMPLES)}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), names=st.integers(0, 30), cells=st.integers(1, 12))
def test_every_reason_is_among_the_samples(data: st.DataObject, names: int, cells: int) -> None:  # the choice of examples
    """However rare a reason is and wherever it occurs; and no more samples are shown than there is room for."""
    table, samples = tables_of({f"t{number}": [data.draw(st.sampled_from([0.0, 0.3, 1.0]))] for number in range(cells)}, n=6)
    places = list(zip(samples["cell"], samples["sample_id"], strict=True))
    reasons: dict[str, dict[str, list[str]]] = {}
    for number in range(names):
        for cell, sample in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True)):
            reasons.setdefault(cell, {}).setdefault(sample, []).append(f"reason{number}")
    chosen = telling_samples(table, samples, coded(samples, reasons.items()))
    pairs = [(cell, f"{cell}/{index}") for cell, ranks in chosen.items() for index in ranks.values()]
    seen = {name for cell, sample in pairs for name in reasons.get(cell, {}).get(sample, [])}
    assert seen == {f"reason{number}" for number in range(names)}
    assert len(pairs) == len(set(pairs)) <= max(MOST_SAMPLES, names)
    for cell, ranks in chosen.items():
        for rank, index in ranks.items():
            assert rank in ("best", "worst") or rank in reasons[cell][f"{cell}/{index}"]


def test_a_reason_is_shown_by_its_plainest_sample() -> None:
    table, samples = tables_of({"a": [0.5], "b": [0.9]})
    reasons = {"a0": {"a0/0": ["lost", "broken"], "a0/1": ["broken"]}, "b0": {"b0/0": ["lost"]}}
    chosen = telling_samples(table, samples, coded(samples, reasons.items()))
    assert chosen == {"a0": {"best": 5, "broken": 1}, "b0": {"best": 1, "lost": 0}}
