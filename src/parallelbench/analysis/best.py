"""Finds the columns of a table in which one setting is significantly better than every other one, so that it may be in bold.

The setting with the highest mean is compared with every other one on the samples that both decoded (`paired`). The p-value of a
column is the largest of these, which is a test of level alpha although the setting was chosen by the same samples (Gutmann and
Maymin, Annals of Statistics 15 (1987) 456-461). The columns of a table are corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from parallelbench.analysis import paired, stats

ALPHA = 0.05
Scores = Mapping[str, "pd.Series[float]"]
"""For each task the scores of a setting; the index is the key of the sample."""


def significant_best(columns: Mapping[str, Mapping[str, Scores]]) -> dict[str, str]:
    """Return for each column in which there is one the setting that is significantly better than all others.

    Args:
        columns: for each column the settings by name, each with its scores on the tasks of the column.

    A column with one setting, or in which two settings have no sample in common, has none.
    """
    best = {name: max(settings, key=lambda one: _mean(settings[one])) for name, settings in columns.items() if settings}
    tested = {name: _against_all(columns[name], chosen) for name, chosen in best.items() if len(columns[name]) > 1}
    corrected = stats.holm(np.array(list(tested.values()), dtype=np.float64))
    return {name: best[name] for name, p in zip(tested, corrected, strict=True) if p < ALPHA}


def _mean(scores: Scores) -> float:
    return float(np.mean([one.mean() for one in scores.values()]))


def _against_all(settings: Mapping[str, Scores], best: str) -> float:
    """The largest p-value of the comparisons of one setting with every other; 1 where an interval holds 0."""
    largest = 0.0
    for name, scores in settings.items():
        if name == best:
            continue
        joined = [pd.concat([scores[task], settings[best][task]], axis=1, join="inner").dropna() for task in scores]
        if any(both.empty for both in joined):
            return 1.0
        pairs = [(both.iloc[:, 0].to_numpy(dtype=np.float64), both.iloc[:, 1].to_numpy(dtype=np.float64)) for both in joined]
        largest = max(largest, paired.p_value(pairs) if paired.interval(pairs).low > 0 else 1.0)
    return largest
