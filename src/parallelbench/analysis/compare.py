"""Compares two runs sample by sample: differences with intervals, corrected for the number of comparisons.

A difference is B minus A, over the samples that both decoded, with the tests and intervals of `paired`. The p-values are
corrected by Holm's method, those of single tasks and those of means over tasks each as one family, and each interval has the
level at which Holm's method tests its comparison. B is better, or worse, if the corrected p is below 5 % and the interval is on
one side of 0; otherwise nothing can be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from parallelbench.analysis import paired, stats
from parallelbench.analysis.comparable import By, NotComparable, Setting, matches, usual
from parallelbench.analysis.frame import sample_keys, samples
from parallelbench.runs.folder import StoredRun

ALPHA = 0.05
Verdict = Literal["better", "worse", "cannot tell"]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One setting of A and one of B, on one task or as the mean over several.

    Attributes:
        task: the task; empty for a mean over tasks.
        tasks: the number of tasks.
        context: what both have in common by name: the model where decoders are compared, the decoder where models are.
        a, b: what is compared.
        n: samples that both decoded.
        accuracy_a, accuracy_b: mean scores over these samples, in [0, 1].
        difference: `accuracy_b` - `accuracy_a`, with its interval from `low` to `high`.
        p: the two-sided p-value, corrected for the number of comparisons.
        nfe_a, nfe_b: mean numbers of forwards over these samples; NaN where unknown.
        verdict: what can be said of B.
    """

    task: str
    tasks: int
    context: str
    a: str
    b: str
    n: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    low: float
    high: float
    p: float
    nfe_a: float
    nfe_b: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class RunComparison:
    """The comparison of two runs: by task, as means over tasks where there are several, and what could not be compared."""

    by: By
    by_task: tuple[Comparison, ...]
    means: tuple[Comparison, ...]
    not_comparable: tuple[NotComparable, ...]


@dataclass(frozen=True, slots=True)
class PairedScores:
    """The scores of two settings on the same samples, [n] each, and their numbers of forwards."""

    one: Setting
    other: Setting
    a: Numbers
    b: Numbers
    nfe_a: float
    nfe_b: float


def compare(a: StoredRun, b: StoredRun, by: By | None = None) -> RunComparison:
    """Compare two runs.

    Args:
        a, b: the runs; the same run twice compares its settings with each other.
        by: what may differ between the two sides; None chooses it (`comparable.usual`).

    Raises:
        UserError: one metric was computed with different backends within a run.
        DamagedRun: a file is damaged.
    """
    by = by or usual(a, b)
    found, refused = matches(a, b, by)
    frames = _indexed(a), _indexed(b)
    pairs: list[PairedScores] = []
    for one, other in found:
        pair = _pair(one, other, *frames)
        if pair is None:
            seeds = [", ".join(str(stored.cell.seed) for stored in side.cells) for side in (one, other)]
            why = f"they have no sample in common (seeds {seeds[0]} and {seeds[1]})"
            refused.append(NotComparable(f"{one.task}: {one.label} and {other.label}", why))
        else:
            pairs.append(pair)
    groups: dict[tuple[str, str, str], list[PairedScores]] = {}
    for one_pair in pairs:
        names = (one_pair.one.context, one_pair.one.label, one_pair.other.label)
        groups.setdefault(names, []).append(one_pair)
    means = [inside for inside in groups.values() if len(inside) > 1]
    return RunComparison(by, compare_all([[one_pair] for one_pair in pairs]), compare_all(means), tuple(refused))


def _indexed(run: StoredRun) -> dict[str, pd.DataFrame]:
    """The scores and numbers of forwards of each cell, by its id; the index is the key of the sample."""
    frame = samples(run)
    keyed = frame[["cell", "accuracy", "nfe"]].assign(sample=sample_keys(frame)) if len(frame) else frame
    return {str(cell): part.set_index("sample") for cell, part in keyed.groupby("cell", sort=False)} if len(frame) else {}


def _pair(one: Setting, other: Setting, left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame]) -> PairedScores | None:
    """The scores of the samples that both have; None without one."""
    sides = [
        pd.concat([frames[cell][["accuracy", "nfe"]] for cell in side.ids if cell in frames] or [pd.DataFrame()])
        for side, frames in ((one, left), (other, right))
    ]
    if sides[0].empty or sides[1].empty:
        return None
    left_mean, right_mean = (side.groupby(level=0).mean() for side in sides)
    both = left_mean.join(right_mean.add_suffix("_b"), how="inner").dropna(subset=["accuracy", "accuracy_b"])
    if both.empty:
        return None
    a, b = (both[name].to_numpy(dtype=np.float64) for name in ("accuracy", "accuracy_b"))
    return PairedScores(one, other, a, b, float(both["nfe"].mean()), float(both["nfe_b"].mean()))


def compare_all(groups: Sequence[Sequence[PairedScores]]) -> tuple[Comparison, ...]:
    """Compare settings, and correct for the number of comparisons.

    Args:
        groups: for each comparison the paired scores of its tasks, one task or several.
    """
    if not groups:
        return ()
    raw = np.array([paired.p_value(_both(group)) for group in groups])
    corrected, levels = stats.holm(raw), holm_levels(raw)
    return tuple(
        _comparison(group, float(p), NormalDist().inv_cdf(1.0 - level / 2.0))
        for group, p, level in zip(groups, corrected, levels, strict=True)
    )


def holm_levels(p: Numbers) -> Numbers:
    """Return for each p-value the level at which Holm's method tests it: 5 % / (m - i + 1) for the i-th smallest of m.

    All that are not rejected have the level of the first of them.
    """
    order = np.argsort(p, kind="stable")
    steps = ALPHA / np.arange(p.size, 0, -1)
    failed = np.flatnonzero(p[order] >= steps)
    if failed.size:
        steps[failed[0] :] = steps[failed[0]]
    levels = np.empty_like(steps)
    levels[order] = steps
    return levels


def _both(group: Sequence[PairedScores]) -> list[tuple[Numbers, Numbers]]:
    return [(pair.a, pair.b) for pair in group]


def _comparison(group: Sequence[PairedScores], p: float, z: float) -> Comparison:
    first = group[0]
    low, high = paired.interval(_both(group), z)
    sure = p < ALPHA
    verdict: Verdict = "better" if sure and low > 0 else "worse" if sure and high < 0 else "cannot tell"
    return Comparison(
        task=first.one.task if len(group) == 1 else "",
        tasks=len(group),
        context=first.one.context,
        a=first.one.label,
        b=first.other.label,
        n=sum(pair.a.size for pair in group),
        accuracy_a=float(np.mean([pair.a.mean() for pair in group])),
        accuracy_b=float(np.mean([pair.b.mean() for pair in group])),
        difference=float(np.mean([(pair.b - pair.a).mean() for pair in group])),
        low=low,
        high=high,
        p=p,
        nfe_a=float(np.mean([pair.nfe_a for pair in group])),
        nfe_b=float(np.mean([pair.nfe_b for pair in group])),
        verdict=verdict,
    )
