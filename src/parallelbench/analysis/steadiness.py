"""How steady the ranking of decoders is: whether it depends on wording, end tokens, answer length or system prompt.

For two values of one condition, all else being equal, the decoders are ranked twice by their mean accuracy over tasks, and the
rankings are compared by Kendall's tau-b (Biometrika 33 (1945) 239-251): 1 is the same order, 0 none in common, -1 the reverse.
Its interval is a bootstrap over the samples of each task; both rankings are made of the same resampled questions. Noise lowers
tau even where a condition changes nothing, so it is to be read beside `again`: tau between two resamples under one condition,
about what the same evaluation with other samples would show.

Two decoders change places only where both differences, under the first condition and under the second, are distinguishable
from 0 and have opposite signs. The p-value is the larger of the two (an intersection-union test: Berger, Technometrics 24
(1982) 295-300), and all are corrected together (Holm). Anything else cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from parallelbench.analysis import paired, stats
from parallelbench.analysis.conditions import AXES
from parallelbench.analysis.frame import sample_keys
from parallelbench.analysis.settings import DRAWS, Floats

ALPHA = 0.05
KEPT, CHANGED, UNKNOWN = "keeps its order", "changes places", "cannot tell"
ROUNDING = 9
"""Decimals of a mean accuracy: equal means that were summed in another order are ties."""
CHUNK = 2_000_000
"""Comparisons of two decoders that are held in memory at once."""
RANKING_COLUMNS = [
    "model", "axis", "first", "second", "decoders", "tasks", "n", "tau", "low", "high", "again", "kept", "changed",
    "unknown",
]  # fmt: skip
PLACE_COLUMNS = [
    "model",
    "axis",
    "first",
    "second",
    "decoder",
    "other",
    "difference_first",
    "difference_second",
    "p",
    "verdict",
]


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How rankings of decoders compare.

    Attributes:
        rankings: one row for each model, axis and two of its values: tau with its interval, `again`, and how many of the two
            by two compared decoders keep their order, change places, or are not distinguishable.
        places: one row for each two decoders of these: the differences of their accuracies (`decoder` minus `other`) under the
            first and the second value, p corrected, and the verdict.
    """

    rankings: pd.DataFrame
    places: pd.DataFrame


def kendall(first: Floats, second: Floats) -> Floats:
    """Return Kendall's tau-b between two rankings of m decoders by accuracy, [..., m] each; NaN where one has ties only."""
    i, j = np.triu_indices(first.shape[-1], 1)
    one, other = (np.sign(np.round(x[..., i] - x[..., j], ROUNDING)) for x in (first, second))
    scale = np.sqrt(np.abs(one).sum(axis=-1) * np.abs(other).sum(axis=-1))
    tau: Floats = np.divide((one * other).sum(axis=-1), scale, out=np.full(scale.shape, np.nan), where=scale > 0)
    return tau


def steadiness(frame: pd.DataFrame, conditions: pd.DataFrame, draws: int = DRAWS) -> Steadiness:
    """Compare the rankings of each model's decoders under each two values of each condition.

    Args:
        frame: one row per sample (`frame.samples`).
        conditions: one row per cell (`conditions.conditions_of`).
        draws: resamples of the bootstrap.

    Compared are the tasks that ran under both values, and the decoders that ran on all of these under both, at least two.
    """
    varied = [axis for axis in AXES if conditions[axis].nunique() > 1]
    rankings: list[dict[str, Any]] = []
    places: list[dict[str, Any]] = []
    if varied:
        known = frame[["cell", "model", "suite", "decoder", "sample_id", "index", "accuracy"]].merge(conditions, on="cell")
        known = known[known["accuracy"].notna()]
        for model, part in known.assign(sample=sample_keys(known)).groupby("model", sort=False):
            for axis in varied:
                for named, decoders, tasks in _comparable(part, axis):
                    about = {"model": model, "axis": axis, **named}
                    rankings.append({**about, **_ranking(tasks, draws)})
                    places += [{**about, **row} for row in _places(tasks, decoders)]
    table = pd.DataFrame(places, columns=PLACE_COLUMNS)
    table["p"] = stats.holm(table["p"])
    told = table["p"] < ALPHA
    same = table["difference_first"] * table["difference_second"] > 0
    table["verdict"] = np.where(told, np.where(same, KEPT, CHANGED), UNKNOWN)
    return Steadiness(_counted(pd.DataFrame(rankings, columns=RANKING_COLUMNS), table), table)


def _comparable(part: pd.DataFrame, axis: str) -> Iterator[tuple[dict[str, Any], list[str], list[Floats]]]:
    """Yield each two values of an axis with what ran under both: decoders, and for each task the scores [n, 2, m]."""
    item = "rule" if axis == "end_tokens" else "decoder"
    unit = ["question", *(one for one in AXES if one not in (axis, "end_tokens"))]
    for first, second in combinations(part[axis].drop_duplicates(), 2):
        inside = part[part[axis].isin([first, second])]
        ran = inside.drop_duplicates([*unit, item, axis]).groupby([*unit, item], sort=False).size()
        both = ran[ran == 2].reset_index()
        tasks = both[unit].drop_duplicates()
        counts = both.groupby(item, sort=False).size()
        decoders = [str(name) for name, count in counts.items() if count == len(tasks)]
        if len(decoders) < 2:
            continue
        columns = pd.MultiIndex.from_product([[first, second], decoders])
        compared = inside[inside[item].isin(decoders)].merge(tasks, on=unit)
        scores = []
        for _, rows in compared.groupby(unit, sort=False):
            table = rows.pivot_table(index="sample", columns=[axis, item], values="accuracy").reindex(columns=columns).dropna()
            scores.append(table.to_numpy(dtype=np.float64).reshape(len(table), 2, len(decoders)))
        found = [one for one in scores if len(one)]
        if found:
            yield {"first": first, "second": second}, decoders, found


def _ranking(tasks: list[Floats], draws: int) -> dict[str, Any]:
    """Tau between the two rankings, with its interval, and tau between two resamples of one condition."""
    means = np.mean([one.mean(axis=0) for one in tasks], axis=0)
    drawn = _resampled(tasks, draws)
    again = [_taus(drawn[:-1, place], drawn[1:, place]) for place in (0, 1)]
    tau = _taus(drawn[:, 0], drawn[:, 1])
    low, high = np.nanquantile(tau, (0.025, 0.975)) if np.isfinite(tau).any() else (np.nan, np.nan)
    return {
        "decoders": means.shape[1],
        "tasks": len(tasks),
        "n": sum(map(len, tasks)),
        "tau": float(kendall(means[0], means[1])),
        "low": float(low),
        "high": float(high),
        "again": float(np.nanmean(again)) if np.isfinite(again).any() else np.nan,
    }


def _resampled(tasks: list[Floats], draws: int, seed: int = 0) -> Floats:
    """Mean accuracies over tasks in resamples of the samples of each task, [draws, 2, m]."""
    generator = np.random.default_rng(seed)
    total: Floats = np.zeros((draws, tasks[0][0].size))
    for scores in tasks:
        n = len(scores)
        total += generator.multinomial(n, np.full(n, 1 / n), size=draws) @ scores.reshape(n, -1) / n
    return (total / len(tasks)).reshape(draws, *tasks[0].shape[1:])


def _taus(first: Floats, second: Floats) -> Floats:
    """`kendall` of many rankings, [draws, m] each, a part at a time."""
    step = max(1, CHUNK // max(1, first.shape[1] ** 2))
    return np.concatenate([kendall(first[at : at + step], second[at : at + step]) for at in range(0, len(first), step)])


def _places(tasks: list[Floats], decoders: list[str]) -> Iterator[dict[str, Any]]:
    """The differences of each two decoders under both conditions, and the larger of their p-values, not yet corrected."""
    parts = np.concatenate([scores / (len(scores) * len(tasks)) for scores in tasks])  # [samples, 2, m]
    for one, other in combinations(range(len(decoders)), 2):
        difference = parts[:, :, one] - parts[:, :, other]
        yield {
            "decoder": decoders[one],
            "other": decoders[other],
            "difference_first": float(difference[:, 0].sum()),
            "difference_second": float(difference[:, 1].sum()),
            "p": max(paired.sign_flip(difference[:, place]) for place in (0, 1)),
        }


def _counted(rankings: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """The rankings with the number of each verdict."""
    keys = ["model", "axis", "first", "second"]
    counts = places.groupby([*keys, "verdict"], sort=False).size().to_dict()
    found = list(rankings[keys].itertuples(index=False, name=None))
    numbers = {
        column: [counts.get((*key, verdict), 0) for key in found]
        for column, verdict in (("kept", KEPT), ("changed", CHANGED), ("unknown", UNKNOWN))
    }
    return rankings.assign(**numbers)
