"""Groups of rows that are found in a few passes over columns are those that pandas finds one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelbench.analysis.failures import KEYS, LABELS, coded, reason_rates
from parallelbench.analysis.frame import intervals, pooled, sample_keys
from parallelbench.analysis.groups import belonging, first_rows, numbered
from parallelbench.analysis.stats import interval

NAMES = st.sampled_from(["a", "b", "c"])
ROWS = st.lists(st.tuples(NAMES, NAMES, st.integers(0, 3)), max_size=30)
REASONS = st.lists(st.sampled_from(list(LABELS)[:4]), max_size=3, unique=True)


def table_of(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["x", "y", "z"]).astype({"x": "str", "y": "object", "z": "int64"})


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_rows_are_numbered_and_selected_as_tuples_are(
    rows: list[tuple[str, str, int]], others: list[tuple[str, str, int]]
) -> None:
    frame, order = table_of(rows), list(dict.fromkeys(rows))
    codes = numbered(*(frame[name] for name in frame))
    assert [order[code] for code in codes] == rows
    assert [rows[place] for place in first_rows(codes)] == order
    kept = belonging(frame, table_of(others), ["x", "y"])
    wanted = {row[:2] for row in others}
    assert list(kept.index) == [place for place, row in enumerate(rows) if row[:2] in wanted]


def samples(suite: str, seeds: int, cells_differ: bool) -> pd.DataFrame:
    """Two tasks of four samples under two decoders, with every seed a cell of its own."""
    rows = [
        {
            "cell": f"{task}{decoder}{seed}", "suite": suite, "task": task, "model": "m", "seed": seed, "index": index,
            "decoder": decoder if cells_differ else "one", "sample_id": f"{task}@1/{seed}/{index}",
            "accuracy": ((index * 7 + seed * 3 + len(decoder)) % 5) / 4, "nfe": float(index + seed),
        }
        for task in ("t", "u") for decoder in ("one", "three") for seed in range(seeds) for index in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("suite", ["ours", "official"])
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("cells_differ", [True, False])
def test_samples_are_pooled_as_pandas_does(suite: str, seeds: int, cells_differ: bool) -> None:
    frame, keys = samples(suite, seeds, cells_differ), ["model", "task", "decoder"]
    wanted = frame.assign(sample=sample_keys(frame)).groupby([*keys, "sample"], sort=False)[["accuracy", "nfe"]].mean()
    found = pooled(frame, keys, ["accuracy", "nfe"])
    pd.testing.assert_frame_equal(found[list(wanted.reset_index())], wanted.reset_index(), check_dtype=False, rtol=1e-15)
    groups = found.groupby(keys, sort=False)
    assert intervals(found["accuracy"], groups.ngroup()) == [interval(part) for _, part in groups["accuracy"]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES, st.none() | REASONS), min_size=1, max_size=25))
def test_the_rates_of_reasons_are_those_of_counting(rows: list[tuple[str, str, list[str] | None]]) -> None:
    frame = pd.DataFrame(
        [
            {"cell": f"{task}{decoder}", "model": "m", "task": task, "decoder": decoder, "family": "f",
             "sample_id": f"s{place}", "tokens_per_step": 1.0 + place}
            for place, (task, decoder, _) in enumerate(rows)
        ]
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for place, (task, decoder, why) in enumerate(rows):
        if why is not None:
            found.setdefault(f"{task}{decoder}", {})[f"s{place}"] = tuple(why)
    counted = {}
    for task, decoder in dict.fromkeys((task, decoder) for task, decoder, why in rows if why is not None):
        inside = [why for t, d, why in rows if (t, d) == (task, decoder) and why is not None]
        for name in LABELS:
            having = [why for why in inside if name in why]
            if having:
                n = len(inside)
                counted[task, decoder, name] = (n, len(having), len(having) / n, sum(1 / len(why) for why in having) / n)
    table = reason_rates(frame, coded(frame, found.items()))
    assert list(table.columns[:4]) == KEYS
    keys = list(zip(table["task"], table["decoder"], table["label"], strict=True))
    assert keys == list(counted)
    numbers = table[["n", "count", "rate", "part"]].to_numpy(dtype=float)
    assert np.allclose(numbers, np.array(list(counted.values())).reshape(-1, 4), rtol=1e-12)
