"""Confidence intervals and paired tests. All intervals are 95 % intervals unless z says otherwise.

Sources: Wilson, JASA 22 (1927) 209-212; McNemar, Psychometrika 12 (1947) 153-157, exact binomial form; Newcombe,
Statistics in Medicine 17 (1998) 2635-2650, method 10 (paired proportions); Holm, Scandinavian Journal of Statistics 6
(1979) 65-70; Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile interval).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Z95 = 1.959963984540054
DRAWS = 2000


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


class Difference(NamedTuple):
    """Mean of a minus mean of b over the same samples, its interval, and the two-sided p-value (NaN where not defined)."""

    mean: float
    low: float
    high: float
    p: float


def wilson(successes: float, n: float, z: float = Z95) -> Interval:
    """Return Wilson's score interval of a proportion.

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), with p = successes/n; [0, 1] where n = 0.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    p = successes / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if successes == n else min(1.0, (centre + spread) / scale)
    return Interval(low, high)


def is_binary(values: npt.ArrayLike) -> bool:
    """True where every value is 0 or 1."""
    x = np.asarray(values, dtype=np.float64)
    return bool(((x == 0.0) | (x == 1.0)).all())


def interval(values: npt.ArrayLike) -> Interval:
    """Return the interval of the mean of scores in [0, 1]: Wilson for 0/1 scores, else the bootstrap.

    If all scores are equal, the bootstrap interval would have width 0; Wilson's interval of their sum is returned instead.
    """
    x = np.asarray(values, dtype=np.float64)
    if is_binary(x) or np.ptp(x) == 0:
        return wilson(float(x.sum()), x.size)
    return bootstrap(x)


def bootstrap(values: npt.ArrayLike, draws: int = DRAWS, seed: int = 0, comparisons: int = 1) -> Interval:
    """Return the percentile interval of a mean; the resamples follow from `seed` alone.

    With several `comparisons`, all intervals contain their means at the same time with 95 % (Bonferroni).

    A resample's mean depends only on how often each distinct value is drawn, so the counts are drawn (multinomial).
    """
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    means = np.random.default_rng(seed).multinomial(n, counts / n, size=draws) @ distinct / n
    outside = 0.025 / max(1, comparisons)
    low, high = np.quantile(means, (outside, 1 - outside))
    return Interval(float(low), float(high))


def mcnemar(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return the exact two-sided p-value that two 0/1 scores of the same samples are right equally often.

    With n discordant pairs, m of them in the rarer direction: p = min(1, 2 sum_{i<=m} C(n, i) / 2^n).
    """
    x, y = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    only_a, only_b = int((x & ~y).sum()), int((~x & y).sum())
    n = only_a + only_b
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    return float(min(1.0, 2 * tail / 2**n))


def paired(a: npt.ArrayLike, b: npt.ArrayLike) -> Difference:
    """Compare two scores of the same samples, in the same order: Newcombe and McNemar for 0/1 scores, else the bootstrap."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"paired scores need the same samples, not {x.size} and {y.size}")
    if is_binary(x) and is_binary(y):
        return Difference(float((x - y).mean()), *newcombe(x, y), mcnemar(x, y))
    return Difference(float((x - y).mean()), *bootstrap(x - y), math.nan)


def newcombe(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], z: float = Z95) -> Interval:
    """Return the interval of the mean of x - y for 0/1 scores of the same samples, each [n].

    Newcombe's method 10: Wilson's interval of each proportion, joined with their correlation phi.
    """
    n, p, q = x.size, float(x.mean()), float(y.mean())
    lower_p, upper_p = wilson(float(x.sum()), n, z)
    lower_q, upper_q = wilson(float(y.sum()), n, z)
    both, none = float((x * y).sum()), float(((1 - x) * (1 - y)).sum())
    cross = both * none - float((x * (1 - y)).sum()) * float(((1 - x) * y).sum())
    scale = math.sqrt(p * (1 - p) * q * (1 - q)) * n * n
    phi = 0.0 if scale == 0 else (max(cross - n / 2, 0.0) if cross > 0 else cross) / scale
    below, above = (p - lower_p, upper_q - q), (upper_p - p, q - lower_q)
    return Interval(p - q - _joined(*below, phi), p - q + _joined(*above, phi))


def _joined(u: float, v: float, phi: float) -> float:
    return math.sqrt(max(0.0, u * u - 2 * phi * u * v + v * v))


def mean_interval(means: Sequence[float], counts: Sequence[int], variances: Sequence[float]) -> Interval:
    """Return the interval of the plain mean over tasks of scores in [0, 1].

    Args:
        means: the mean score of each task, [T].
        counts: the number of samples of each task, [T].
        variances: the variance of the scores of each task (divisor n - 1; NaN for one sample), [T].

    It is Wilson's interval of the mean m with an effective number of samples N / r, where N = T^2 / sum(1 / n_t), and r is the
    variance of m by the tasks' variances divided by that of N draws of one probability m. Few errors tell little about r, so
    it is shrunk towards 1 by z^2 errors: r = (r N m (1 - m) + z^2) / (N m (1 - m) + z^2).
    """
    n, s2 = np.asarray(counts, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    mean, samples = float(np.mean(means)), float(n.size**2 / (1.0 / n).sum())
    errors = samples * mean * (1.0 - mean)
    if errors <= 0.0 or np.isnan(s2).any():
        return wilson(mean * samples, samples)
    ratio = min(1.0, samples * float((s2 / n).sum()) / n.size**2 / (mean * (1.0 - mean)))
    shrunk = (ratio * errors + Z95**2) / (errors + Z95**2)
    return wilson(mean * samples / shrunk, samples / shrunk)


def normal_interval(means: Sequence[float], counts: Sequence[int], variances: Sequence[float]) -> Interval:
    """Return the normal interval of the plain mean over tasks of any quantity; the arguments are those of `mean_interval`.

    It is NaN where a task has one sample.
    """
    n, s2 = np.asarray(counts, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    mean, half = float(np.mean(means)), Z95 * math.sqrt(float((s2 / n).sum())) / n.size
    return Interval(mean - half, mean + half)


def holm(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return p-values corrected for their number (Holm): all that stay below alpha are false with a probability below alpha.

    The i-th smallest of m is multiplied by m - i + 1, and none is made smaller than one before it.
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(1.0, raised)
    return corrected
