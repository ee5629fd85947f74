"""Trade-off curves of accuracy against speed: the Pareto frontier, and AUP, which summarises a curve in one number.

A point is (speed, score): tokens per step or per forward, and a score in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Point = tuple[float, float]
Rows = list[dict[str, Any]]


def step_frontier(points: Sequence[Point]) -> list[int]:
    """Return the indices of the Pareto-optimal points by rising speed; of equal points only the first.

    A point is dominated if another has at least its speed and at least its score. The frontier is drawn as steps and not as
    straight lines, because no decoder setting exists between two points: a speed between them is reached only with the score
    of the faster point.
    """
    order = sorted(range(len(points)), key=lambda i: (-points[i][0], -points[i][1], i))
    kept: list[int] = []
    best = -math.inf
    for i in order:
        if points[i][1] > best:
            best = points[i][1]
            kept.append(i)
    return kept[::-1]


def aup(points: Sequence[Point], best: float | None = None, alpha: float = 3.0, drop: float = 0.05) -> float:
    """Return the accuracy under parallelism (AUP) of d3LLM (arXiv 2601.07568), with accuracies in percent.

    With the points in order of rising speed rho_i, y_i their accuracies, and W(y) = min(exp(-alpha (1 - y / best)), 1), it is

        rho_1 y_1 + 1/2 sum_(i>1) (rho_i - rho_(i-1)) (y_i W(y_i) + y_(i-1) W(y_(i-1)))

    over the points with y >= y_1 - `drop`. `best` is the highest accuracy among all curves that are compared (None: of this
    one).
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
