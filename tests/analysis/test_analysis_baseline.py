"""Every decoder is compared with a baseline, whoever wrote it, and chance alone rarely makes one better or worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_analysis_ranking import sample

from parallelbench.analysis import frame as tables
from parallelbench.analysis.baseline import against
from parallelbench.errors import UserError

Setting = tuple[str, float, float]
"""A decoder, its probability of being right, and its forwards."""


def frame_of(settings: list[Setting], samples: int = 200, seed: int = 0) -> pd.DataFrame:
    """Samples of which the settings are right independently of each other."""
    draws = np.random.default_rng(seed).random((samples, len(settings)))
    return pd.DataFrame(
        [
            sample(name, index, float(draws[index, place] < right), forwards, forwards)
            for index in range(samples)
            for place, (name, right, forwards) in enumerate(settings)
        ]
    )


def compared(
    settings: list[Setting], baseline: str | None = None, samples: int = 200, seed: int = 0
) -> dict[Any, dict[str, Any]]:
    frame = frame_of(settings, samples, seed)
    rows = tables.as_rows(against(frame, tables.overall(tables.points(frame)), baseline))
    return {(row["series"], row["kind"]): row for row in rows}


THRESHOLD: list[Setting] = [("threshold:gamma=0.9", 0.9, 6), ("threshold:gamma=0.5", 0.4, 3)]


def test_a_users_own_decoder_is_compared_like_any_other() -> None:  # fault 27
    found = compared([*THRESHOLD, ("ours:alpha=0.3", 0.92, 2), ("ours:alpha=0.9", 0.99, 5), ("confidence:k=2", 0.5, 6)])
    assert {verdict["verdict"] for key, verdict in found.items() if key[0] == "ours"} == {"better"}
    assert found["ours", "accuracy"]["nfe_ratio"] >= 6 / 5 and found["ours", "accuracy"]["high"] < 0
    worse = found["confidence", "speed"]
    assert worse["verdict"] == "worse" and worse["high"] < 0 and worse["n"] == 200
    assert worse["baseline"] == "threshold:gamma=0.9"
    assert found["confidence", "accuracy"]["verdict"] == "never as accurate"


@pytest.mark.parametrize("name", ["ours", "ours:alpha=0.3", "confidence", "confidence:k=2"])
def test_any_decoder_curve_or_family_is_a_baseline(name: str) -> None:
    found = compared([*THRESHOLD, ("ours:alpha=0.3", 0.92, 2), ("confidence:k=2", 0.5, 6)], name)
    family = name.partition(":")[0]
    assert {series for series, _ in found} == {"threshold", "ours", "confidence"} - {family}
    assert all(row["baseline"].startswith(family) for row in found.values())


def test_an_unknown_baseline_is_named_with_those_there_are() -> None:
    with pytest.raises(UserError, match="no decoder of this run is called 'treshold'; choose one of threshold, "):
        compared(THRESHOLD, "treshold")


def test_nothing_is_compared_where_there_is_nothing_to_compare() -> None:
    assert compared(THRESHOLD) == {} and compared([("ours:a=1", 0.5, 3), ("theirs:a=1", 0.5, 3)]) == {}
    slow = compared([*THRESHOLD, ("confidence:k=1", 1.0, 12)])
    assert slow["confidence", "speed"]["verdict"] == "never as fast" and slow["confidence", "accuracy"]["verdict"] == "worse"
    one = compared([*THRESHOLD, ("confidence:k=2", 0.5, 6)], samples=2)
    assert {row["verdict"] for row in one.values()} <= {"cannot tell", "never as accurate", "never as fast"}


@pytest.mark.slow
def test_without_a_sample_in_common_nothing_is_said() -> None:
    other = frame_of([("ours:alpha=0.3", 1.0, 2)])
    frame = pd.concat([frame_of(THRESHOLD), other.assign(sample_id=other["sample_id"] + "0000")])
    rows = tables.as_rows(against(frame, tables.overall(tables.points(frame))))
    assert [(row["series"], row["verdict"]) for row in rows] == [("ours", "cannot tell")] * 2


def test_chance_alone_rarely_decides() -> None:
    """Five decoders of which none differs from the baseline, 20 runs: about one run in twenty may say otherwise."""
    same = [("threshold:gamma=0.9", 0.8, 6), *((f"d{number}:k={k}", 0.8, 6) for number in range(5) for k in (1, 2))]
    wrong = [
        seed
        for seed in range(20)
        if any(
            row["verdict"] in ("better", "worse")
            for (_, kind), row in compared(same, samples=80, seed=seed).items()
            if kind == "speed"
        )
    ]
    assert len(wrong) <= 4
