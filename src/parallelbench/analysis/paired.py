"""Paired tests and intervals for two settings on the same samples of one task or of several.

For 0/1 scores on one task the test is McNemar's exact one and the interval Newcombe's (`stats`). For other scores and for means
over tasks the test draws signs: under the null hypothesis each difference is as likely as its negative (Fisher, The Design of
Experiments (1935), section 21). The interval then is a normal one, with z^2 added to the squared deviations as in Wilson's
(JASA 22 (1927) 209-212), so that it has a width also where no difference was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from parallelbench.analysis import stats
from parallelbench.analysis.stats import Interval

Numbers = npt.NDArray[np.float64]
Pairs = Sequence[tuple[Numbers, Numbers]]
"""For each task the scores of the first and of the second setting on the same samples, [n_t] each."""

EXACT = 14
"""Up to so many differences other than 0, all their signs are enumerated; beyond, their sum is taken as normal."""


def p_value(pairs: Pairs) -> float:
    """Return the two-sided p-value that the mean over tasks of second - first is 0."""
    if len(pairs) == 1 and is_binary(pairs):
        return stats.mcnemar(*pairs[0])
    return sign_flip(np.concatenate([(second - first) / first.size for first, second in pairs]))


def interval(pairs: Pairs, z: float = stats.Z95) -> Interval:
    """Return the interval of the mean over tasks of second - first; `z` is the normal quantile."""
    if len(pairs) == 1 and is_binary(pairs):
        return stats.newcombe(pairs[0][1], pairs[0][0], z)
    return interval_of_mean([second - first for first, second in pairs], z)


def is_binary(pairs: Pairs) -> bool:
    """True where every score is 0 or 1."""
    return all(stats.is_binary(side) for pair in pairs for side in pair)


def sign_flip(parts: npt.ArrayLike) -> float:
    """Return the two-sided p-value of the sum of `parts` [n], each of which has either sign with probability 1/2.

    With m parts other than 0 no p-value is below 2^(1-m).
    """
    values = np.asarray(parts, dtype=np.float64)
    values = values[values != 0.0]
    if not values.size:
        return 1.0
    if values.size > EXACT:
        z = abs(float(values.sum())) / math.sqrt(float((values**2).sum()))
        return max(math.erfc(z / math.sqrt(2.0)), math.ldexp(1.0, 1 - values.size))
    sums = np.zeros(1)
    for value in np.abs(values):
        sums = np.concatenate([sums + value, sums - value])
    reached = np.abs(sums) >= abs(float(values.sum())) - 1e-12
    return float(reached.mean())


def interval_of_mean(differences: Sequence[Numbers], z: float) -> Interval:
    """Return the interval of the plain mean over tasks of the mean differences of each task.

    Args:
        differences: for each task the differences of the samples that both decoded, in [-1, 1], each [n_t].
        z: the normal quantile of the interval.

    With T tasks the variance is sum_t (S_t + z^2 / T) / n_t^2 / T^2, where S_t is the sum of squared deviations of task t.
    """
    tasks = len(differences)
    variance = sum((float(((one - one.mean()) ** 2).sum()) + z * z / tasks) / one.size**2 for one in differences)
    mean, half = float(np.mean([one.mean() for one in differences])), z * math.sqrt(variance) / tasks
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))
