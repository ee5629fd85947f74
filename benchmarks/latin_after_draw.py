"""How often two forwards solve a Latin square if the cells to keep are chosen after the draw: a lower bound of V_2.

A draw is solved if some of its cells agree with exactly one square: they are kept, and the second forward is certain. For each
square only the largest such set of cells needs to be tried, all on which the draw agrees with it.
"""

from __future__ import annotations

import numpy as np

from parallelbench.analysis.stats import wilson
from parallelbench.theory import law


def solved(n: int, draws: int, seed: int = 0) -> int:
    """Count the solved ones among this many draws of all cells."""
    squares, _ = law("latin_square", n).support()
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(draws):
        agrees = (squares == rng.integers(0, n, n * n)).astype(np.float32)
        common = agrees @ agrees.T  # for each pair of squares, the cells on which the draw agrees with both
        count += bool(((common == common.diagonal()[:, None]).sum(axis=1) == 1).any())
    return count


if __name__ == "__main__":
    for size, number in ((3, 20_000), (4, 2_000)):
        right = solved(size, number)
        low, high = wilson(right, number)
        print(f"{size} x {size}: {right} of {number} draws, 95 % {low:.4f} to {high:.4f}")
