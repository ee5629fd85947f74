"""Finds what is significantly above a line: an exact model above the line after the draw, a learned one above its exact model.

Above the line after the draw: whatever its number of forwards depends on, a decoder of the kind that the line bounds has
P(right and finished within T forwards) <= V_T for every T. So the number of such samples is, for each T, at most a sum of
independent 0/1 draws with these probabilities, and its upper tail (the Poisson binomial distribution) is a p-value. The numbers
T of one setting are corrected by Bonferroni, the settings of a report by Holm.

Above the exact model: McNemar's exact test over the samples that both decoded, corrected by Holm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.bounds import after_draw, at
from parallelbench.analysis.frame import sample_keys
from parallelbench.analysis.split import KEYS, LAW, ceiling_of

ALPHA = 0.05
Counts = npt.NDArray[np.integer]
Numbers = npt.NDArray[np.float64]
LINE_COLUMNS = ["model", *KEYS, "forwards", "right", "expected", "n", "p"]
MODEL_COLUMNS = ["model", "exact_model", *KEYS, "measured", "exact", "difference", "low", "high", "n", "p"]


def above_line(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of exact models that are significantly above the line after the draw (Holm, 5 % in all).

    `right` of `n` samples were right within `forwards` forwards, the number with the smallest p, where a decoder on the line
    expects at most `expected`; `p` is corrected.
    """
    exact = frame[frame["exact"].astype(bool) & frame["law"].notna()]
    if exact.empty:
        return pd.DataFrame(columns=LINE_COLUMNS)
    settings = exact[["model", *KEYS]].drop_duplicates().to_dict("records")
    setting_of = exact.groupby(["model", *KEYS], sort=False).ngroup().to_numpy()
    laws = exact.groupby(LAW, sort=False).ngroup().to_numpy()
    forwards, accuracy = exact["nfe"].to_numpy(dtype=np.int64), exact["accuracy"].to_numpy()
    shapes = exact[LAW].drop_duplicates().itertuples(index=False, name=None)
    line = np.array([_within(shape, int(forwards.max())) for shape in shapes])
    order = np.argsort(setting_of, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(setting_of[order])) + 1)
    rows = [
        {**setting, **_most_surprising(forwards[group], accuracy[group] == 1.0, laws[group], line)}
        for setting, group in zip(settings, groups, strict=True)
        if stats.is_binary(accuracy[group])
    ]
    return _significant(pd.DataFrame(rows, columns=LINE_COLUMNS))


def above_exact_model(frame: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return the settings in which a learned model is significantly above its exact model (Holm, 5 % in all).

    `difference` is measured - exact over the `n` samples that both decoded, with its interval; `p` is corrected.
    """
    rows: list[dict[str, Any]] = []
    for model, learned in frame[~frame["exact"].astype(bool)].groupby("model", sort=False):
        ceiling = ceiling_of(points, str(learned["tokenizer"].iloc[0]))
        if ceiling is None:
            continue
        pairs = _scores(learned).merge(_scores(frame[frame["model"] == ceiling]), on=[*KEYS, "sample"], suffixes=("", "_exact"))
        for key, part in pairs.groupby(KEYS, sort=False):
            found = stats.paired(part["accuracy"], part["accuracy_exact"])
            row = {"measured": part["accuracy"].mean(), "exact": part["accuracy_exact"].mean(), "difference": found.mean}
            row |= {"low": found.low, "high": found.high, "n": len(part), "p": found.p}
            rows.append({"model": model, "exact_model": ceiling, **dict(zip(KEYS, key, strict=True)), **row})
    compared = pd.DataFrame(rows, columns=MODEL_COLUMNS)
    table = _significant(compared[compared["p"].notna()])
    return table[table["difference"] > 0].reset_index(drop=True)


def tail(chances: npt.ArrayLike, at_least: int) -> float:
    """Return P(X >= at_least) for the sum X of independent 0/1 draws with these chances (Poisson binomial), in [0, 1]."""
    mass: npt.NDArray[np.float64] = np.ones(1)
    for chance in np.asarray(chances, dtype=np.float64):
        mass = np.r_[mass * (1.0 - chance), 0.0] + np.r_[0.0, mass * chance]
    return float(min(1.0, mass[at_least:].sum()))


def _most_surprising(forwards: Counts, right: npt.NDArray[np.bool_], laws: Counts, line: Numbers) -> dict[str, Any]:
    """The number of forwards with the smallest p, among those at which more samples of a setting were right than expected.

    Args:
        forwards: the number of forwards of each sample, [n].
        right: whether it is right, [n].
        laws: the row of its law in `line`, [n].
        line: what the line says of each law within 1, 2, ... forwards, [laws, forwards].
    """
    limits = np.unique(forwards)
    present, numbers = np.unique(laws, return_counts=True)
    chances = line[np.ix_(present, limits - 1)]
    expected = numbers @ chances
    counts = np.searchsorted(np.sort(forwards[right]), limits, side="right")
    tested = [(tail(np.repeat(chances[:, i], numbers), int(counts[i])), i) for i in np.flatnonzero(counts > expected)]
    p, i = min(tested, default=(1.0, 0))
    found = {"forwards": int(limits[i]), "right": int(counts[i]), "expected": float(expected[i]), "n": len(forwards)}
    return {**found, "p": min(1.0, p * len(limits))}


def _within(shape: tuple[Any, ...], most: int) -> list[float]:
    """What the line says within 1 to `most` forwards on a law (its name, its size, whether the answer must differ)."""
    name, size, must_differ = shape
    values = after_draw(str(name), int(size), bool(must_differ)).values
    return [float(at(values, limit) or 0.0) for limit in range(1, most + 1)]


def _scores(frame: pd.DataFrame) -> pd.DataFrame:
    scored = frame.assign(sample=sample_keys(frame))
    return scored.groupby([*KEYS, "sample"], sort=False)["accuracy"].mean().reset_index()


def _significant(table: pd.DataFrame) -> pd.DataFrame:
    corrected = table.assign(p=stats.holm(table["p"].to_numpy(dtype=np.float64)))
    return corrected[corrected["p"] < ALPHA].reset_index(drop=True)
