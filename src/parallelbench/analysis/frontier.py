"""Trade-off curves: what can be reached, and one number for a curve where somebody asks for one.

A point is (speed, score): tokens per step or per forward, and a score in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]


def step_frontier(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other dominates, by rising speed; of equal points the first.

    Joined as steps (down at a point, then along to the next), they bound what can be reached: between two settings
    there is no decoder.
    """
    order = sorted(range(len(points)), key=lambda i: (-points[i][0], -points[i][1], i))
    kept: list[int] = []
    best = -math.inf
    for i in order:
        if points[i][1] > best:
            best = points[i][1]
            kept.append(i)
    return kept[::-1]


def pbx(points: Sequence[Point], bar: float, interpolate: bool) -> float:
    """Return PBx, the highest speed at which the score is still at least `bar` (0 where it never is).

    Both are means over tasks. Settings with a fixed k count as they are; adaptive ones (`interpolate`) are joined by
    straight lines between neighbours in speed, and never continued beyond the last (ParallelBench leaderboard's rule).
    """
    curve = sorted(points)
    reached = [speed for speed, score in curve if score >= bar]
    if interpolate:
        for (slow, high), (fast, low) in pairwise(curve):
            if high >= bar > low:
                reached.append(slow + (high - bar) / (high - low) * (fast - slow))
    return max(reached, default=0.0)


def aup(points: Sequence[Point], best: float | None = None, alpha: float = 3.0, drop: float = 0.05) -> float:
    """Return the accuracy under parallelism of d3LLM (arXiv 2601.07568), with accuracies in percent.

    rho_1 y_1 + 1/2 sum_i (rho_i - rho_(i-1)) (y_i W(y_i) + y_(i-1) W(y_(i-1))), W(y) = min(exp(-alpha (1 - y / best)), 1), over
    the points with y >= y_1 - `drop`, by rising speed; `best` is the highest accuracy of all curves that are compared.
    """
    curve = sorted(points)
    if not curve:
        return 0.0
    top = max(score for _, score in curve) if best is None else best
    kept = [(speed, score) for speed, score in curve if score >= curve[0][1] - drop]
    weighted = [100 * score * min(math.exp(-alpha * (1 - score / top)), 1.0) if top > 0 else 0.0 for _, score in kept]
    area = kept[0][0] * kept[0][1] * 100
    for i in range(1, len(kept)):
        area += (kept[i][0] - kept[i - 1][0]) * (weighted[i] + weighted[i - 1]) / 2
    return area
