"""The best schedule: the exact minimum L*_T of the bound over all partitions into T ordered sets, for every T.

With h(B) the entropy of a set of positions, a step that fills S after B adds

$$g(B, S) = \\sum_{i \\in S} [h(B \\cup i) - h(B)],\\qquad L_T = \\sum_t g(S_{<t}, S_t) - h(Y)$$

so that f_T(B) = min_S g(B, S) + f_{T-1}(B and S) is solved from the full set down: over all subsets (3^n steps) for any
law of up to 16 positions, over sizes alone for exchangeable laws. L*_T never rises with T (paper, Theorem 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from parallelbench.errors import UserError
from parallelbench.theory.base import Floats, Ints, Law, members
from parallelbench.theory.partitions import Partition


@final
@dataclass(frozen=True)
class Optimum:
    """The least bound for each number of steps, and the schedules that reach it.

    Attributes:
        bounds: [n], L*_T in bits for T = 1..n.
        follow: [n + 1, states], the next state with T steps left; a state is a set of positions as bits, or its size.
        by_size: whether states are sizes.
    """

    bounds: Floats
    follow: Ints
    by_size: bool

    def schedule(self, steps: int) -> Partition:
        """Return a best partition into `steps` sets; by sizes, positions are taken from the left.

        Raises:
            UserError: there are not that many steps.
        """
        if not 1 <= steps <= len(self.bounds):
            raise UserError(f"{steps} steps cannot fill {len(self.bounds)} positions; give 1 to {len(self.bounds)}.")
        sets, state = [], 0
        for left in range(steps, 0, -1):
            following = int(self.follow[left, state])
            sets.append(tuple(range(state, following)) if self.by_size else members(following & ~state))
            state = following
        return tuple(sets)


def optimum(law: Law) -> Optimum:
    """Return L*_T and its schedules for all T: by sizes where the law is exchangeable, else over all partitions.

    Raises:
        UserError: the law is not exchangeable and has more than 16 positions.
    """
    return optimum_by_size(law.prefix_entropies()) if law.exchangeable else optimum_over_subsets(law.subset_entropies())


def optimum_over_subsets(entropies: Floats) -> Optimum:
    """Solve for the entropies [2^n] of all sets of positions: 3^n transitions for all T together."""
    states = len(entropies)
    n = states.bit_length() - 1
    cost = np.full((states, n + 1), np.inf)
    cost[-1, 0] = 0.0
    follow = np.zeros((n + 1, states), dtype=np.int64)
    for before in range(states - 2, -1, -1):
        after, gain = np.array([before]), np.array([0.0])
        for i in members((states - 1) & ~before):
            bit = 1 << i
            after = np.concatenate([after, after | bit])
            gain = np.concatenate([gain, gain + (entropies[before | bit] - entropies[before])])
        reach = n - before.bit_count()
        total = cost[after[1:], :reach] + gain[1:, None]
        best = total.argmin(axis=0)
        cost[before, 1 : reach + 1] = total[best, np.arange(reach)]
        follow[1 : reach + 1, before] = after[1:][best]
    return Optimum(np.maximum(cost[0, 1:] - entropies[-1], 0.0), follow, by_size=False)


def optimum_by_size(entropies: Floats) -> Optimum:
    """Solve for the entropies [n + 1] of m positions of an exchangeable law: O(n log n) for each T.

    The cost of going from b to b' known positions is (b' - b) [h(b + 1) - h(b)]. Conditional entropies fall with b, so the cost
    satisfies the quadrangle inequality, and the best b' never falls as b rises: each row of the recursion is solved by
    halving, from the argmins of every second b those between.
    """
    n = len(entropies) - 1
    gains = np.diff(entropies)
    cost = np.full(n + 1, np.inf)
    cost[n] = 0.0
    follow = np.zeros((n + 1, n + 1), dtype=np.int64)
    bounds = np.zeros(n)
    for steps in range(1, n + 1):
        last = n - steps  # the largest b from which `steps` nonempty sets still fit
        best = _monotone_argmin(gains, cost, last, n - steps + 1)
        here = np.arange(last + 1)
        following = np.full(n + 1, np.inf)
        following[: last + 1] = (best - here) * gains[here] + cost[best]
        follow[steps, : last + 1] = best
        cost = following
        bounds[steps - 1] = cost[0] - entropies[-1]
    return Optimum(np.maximum(bounds, 0.0), follow, by_size=True)


def _monotone_argmin(gains: Floats, cost: Floats, last: int, end: int) -> Ints:
    """For b = 0..last return the b' in b+1..end that minimises (b' - b) gains[b] + cost[b'], which never falls with b."""
    best = np.zeros(last + 1, dtype=np.int64)
    stride = 1 << last.bit_length()
    known = np.full(0, 0, dtype=np.int64)
    while stride:
        query = np.arange(stride - 1, last + 1, 2 * stride)
        at = np.searchsorted(known, query)
        floor = np.where(at > 0, best[known[at - 1]] if known.size else 0, 0)
        ceiling = np.where(at < known.size, best[known[np.minimum(at, known.size - 1)]] if known.size else end, end)
        low = np.maximum(floor, query + 1)
        best[query] = _ragged_argmin(gains, cost, query, low, np.maximum(ceiling, low))
        known = np.sort(np.concatenate([known, query]))
        stride >>= 1
    return best


def _ragged_argmin(gains: Floats, cost: Floats, query: Ints, low: Ints, high: Ints) -> Ints:
    """For each b of `query` return the least minimiser over b' = low..high."""
    lengths = high - low + 1
    starts = np.cumsum(lengths) - lengths
    target = np.arange(lengths.sum()) - np.repeat(starts - low, lengths)
    source = np.repeat(query, lengths)
    value = (target - source) * gains[source] + cost[target]
    least = np.repeat(np.minimum.reduceat(value, starts), lengths)
    hits = np.flatnonzero(value == least)
    chosen: Ints = target[hits[np.searchsorted(hits, starts)]]
    return chosen
