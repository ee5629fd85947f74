"""The information that is lost when several positions are filled in one step, in bits or nats.

A decoder step that fills the set of positions S when the set B is already filled draws the tokens of S independently. The KL
divergence from the law to this product of marginals is the conditional total correlation

$$C(S \\mid B) = \\sum_{i \\in S} H(y_i \\mid y_B) - H(y_S \\mid y_B)$$

and the sum of its expectations over all T steps is the bound L_T (paper, Theorem 1). All symbols are those of the paper,
arXiv 2510.04767, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from parallelbench.errors import UserError
from parallelbench.theory.base import UNKNOWN, Floats, Law, Unit, in_unit
from parallelbench.theory.partitions import check_partition, left_to_right, sizes_of

Order = Literal["left_to_right", "random"]


@dataclass(frozen=True, slots=True)
class Payment:
    """The information lost in each step of a decoder's trace.

    Attributes:
        steps: C(S_t | the tokens written before) for each step, up to the one that left the law's support.
        broken: the index of the step in which the tokens written so far became impossible under the law, or None; later steps
            have no conditional law and are not counted.
    """

    steps: tuple[float, ...]
    broken: int | None

    @property
    def total(self) -> float:
        """The sum over steps."""
        return math.fsum(self.steps)


def total_correlation(
    law: Law, positions: Iterable[int] | None = None, given: npt.ArrayLike | None = None, unit: Unit = "bits"
) -> float:  # fmt: skip
    """Return C = sum_i H(y_i) - H(y) of a set of positions (None: all), conditioned on `given`, a context [n], or on nothing.

    It is the smallest KL divergence from the law to any model that draws these positions independently (paper, section 3, after
    Huang et al. 2022).

    Raises:
        UserError: the law has no such position.
        ImpossibleContext: no string of the law agrees with the context.
    """
    chosen = tuple(range(law.positions)) if positions is None else tuple(sorted(set(positions)))
    if given is None and law.exchangeable:
        return in_unit(len(chosen) * law.entropy(chosen[:1]) - law.entropy(chosen), unit)
    alone = math.fsum(law.entropy((i,), given) for i in chosen)
    return in_unit(max(0.0, alone - law.entropy(chosen, given)), unit)


def bound(law: Law, sets: Iterable[Iterable[int]], unit: Unit = "bits") -> float:
    """Return L_T of an ordered partition: sum_t E[C(S_t | S_<t)] under the law (paper, Theorem 1).

    Computed as sum_t sum_{i in S_t} [H(S_<t and i) - H(S_<t)] - H(Y), which needs n + T entropies.

    Raises:
        UserError: the sets do not form a partition of the law's positions.
    """
    partition = check_partition(law.positions, sets)
    if law.exchangeable:
        return bound_of_sizes(law, [len(chosen) for chosen in partition], unit=unit)
    before: tuple[int, ...] = ()
    terms = [-law.entropy()]
    for chosen in partition:
        known = law.entropy(before)
        terms += [law.entropy((*before, i)) - known for i in chosen]
        before += chosen
    return in_unit(max(0.0, math.fsum(terms)), unit)


def bound_of_sizes(law: Law, sizes: Sequence[int], order: Order = "left_to_right", unit: Unit = "bits") -> float:
    """Return L_T of a schedule of sizes if positions are filled from left to right, or on average over all orders.

    For an exchangeable law both are equal and take O(n) time. For any other law the average over orders needs the entropies of
    all subsets of positions, so it is limited to 16 positions.

    Raises:
        UserError: the sizes do not sum to n, or the law has too many subsets to average over.
    """
    steps = sizes_of(law.positions, sizes=sizes)
    if order == "left_to_right" and not law.exchangeable:
        return bound(law, left_to_right(steps), unit)
    entropies = mean_entropies(law)
    gains = np.diff(entropies)
    starts = np.cumsum((0, *steps[:-1]))
    paid = math.fsum(size * gains[start] for size, start in zip(steps, starts, strict=True))
    return in_unit(max(0.0, paid - float(entropies[-1])), unit)


def mean_entropies(law: Law) -> Floats:
    """Return the entropy in bits of m positions, averaged over all sets of m positions, for m = 0..n: [n + 1]."""
    if law.exchangeable:
        return law.prefix_entropies()
    entropies = law.subset_entropies()
    sizes = np.bitwise_count(np.arange(len(entropies)))
    return np.asarray(np.bincount(sizes, entropies) / np.bincount(sizes), dtype=np.float64)


def paid(law: Law, steps: Iterable[Iterable[int]], tokens: npt.ArrayLike, unit: Unit = "bits") -> Payment:
    """Return the KL divergence of each step of a decoder's trace: C(S_t | the tokens that the trace had written before).

    `steps` are the sets of positions in the order in which they were filled, `tokens` [n] the symbols that were written. If the
    tokens are drawn from the law and the partition is fixed, the expected total is L_T.

    Raises:
        UserError: the sets do not form a partition of the law's positions.
    """
    written = law.contexts(tokens)[0]
    context = np.full(law.positions, UNKNOWN, dtype=np.int64)
    costs: list[float] = []
    for step, chosen in enumerate(check_partition(law.positions, steps)):
        costs.append(total_correlation(law, chosen, context, unit))
        context[list(chosen)] = written[list(chosen)]
        if law.log_probability(context) == -math.inf:
            return Payment(tuple(costs), step)
    return Payment(tuple(costs), None)


def model_log_probabilities(
    law: Law, strings: npt.ArrayLike, sets: Iterable[Iterable[int]], temperature: float = 1.0
) -> Floats:
    """Return log2 of the probability that decoding along a partition writes each of the strings [B, n]: [B].

    The model has exact marginals and draws the tokens of a step independently, the case of equality in Theorem 1. Temperature 1
    draws from the marginals; 0 takes the most probable symbol, with ties broken at random.

    Raises:
        UserError: the sets do not form a partition, or the temperature is neither 0 nor 1.
    """
    rows = law.contexts(strings)
    context = np.full_like(rows, UNKNOWN)
    total = np.zeros(len(rows))
    for chosen in check_partition(law.positions, sets):
        positions = list(chosen)
        marginals = tempered(law.marginals_batch(context)[:, positions], temperature)
        drawn = np.take_along_axis(marginals, rows[:, positions, None], axis=2)
        with np.errstate(divide="ignore"):
            total += np.log2(drawn[:, :, 0]).sum(axis=1)
        context[:, positions] = rows[:, positions]
    return total


def partition_accuracy(law: Law, sets: Iterable[Iterable[int]], temperature: float = 1.0) -> float:
    """Return the probability that decoding along a partition ends in a string of the law's support.

    It is exact: the probabilities of `model_log_probabilities` summed over the support.

    Raises:
        UserError: the law has too many strings to enumerate, or the sets do not form a partition.
    """
    strings, _ = law.support()
    return math.fsum(np.exp2(model_log_probabilities(law, strings, sets, temperature)))


def tempered(marginals: Floats, temperature: float) -> Floats:
    """Return the distribution that symbols are drawn from: the marginals at temperature 1, uniform over the modes at 0."""
    if temperature not in (0.0, 1.0):
        raise UserError(f"the temperature is {temperature}, but the theory knows 0 and 1; give one of them.")
    if temperature == 1.0:
        return marginals
    best = marginals >= marginals.max(axis=-1, keepdims=True) * (1.0 - 1e-9)
    return np.asarray(best / best.sum(axis=-1, keepdims=True), dtype=np.float64)
