"""Schedules: how many positions each step fills, and which ones.

*Sizes* say how many: (2, 2, 1). A *partition* says which: an ordered tuple of disjoint position sets that cover 0..n-1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from parallelbench.errors import UserError

Sizes = tuple[int, ...]
Partition = tuple[tuple[int, ...], ...]


def sizes_of(n: int, k: int | None = None, steps: int | None = None, sizes: Sequence[int] | None = None) -> Sizes:
    """Return the sizes of a schedule over n positions, set by exactly one of `k`, `steps` and `sizes`.

    With `k` every step fills k positions and the last one the remainder. With `steps` the n positions are divided into that
    many sizes, as equal as possible, the larger ones first (LLaDA, arXiv 2502.09992). `sizes` are returned unchanged.

    Raises:
        UserError: not exactly one is given, one is out of range, or the sizes do not sum to n.
    """
    if sum(given is not None for given in (k, steps, sizes)) != 1:
        raise UserError("a schedule is said by one of k, steps or sizes; give exactly one of them.")
    if sizes is not None:
        if any(size < 1 for size in sizes):
            raise UserError(f"the schedule {list(sizes)} has a size below 1; every step fills at least one position.")
        if sum(sizes) != n:
            raise UserError(
                f"the schedule {list(sizes)} sums to {sum(sizes)}, not to {n}; give positive sizes that sum to {n}."
            )
        return tuple(sizes)
    if steps is not None:
        if not 1 <= steps <= n:
            raise UserError(f"{steps} steps cannot fill {n} positions; give 1 to {n}.")
        size, rest = divmod(n, steps)
        return (size + 1,) * rest + (size,) * (steps - rest)
    if k is None or k < 1:
        raise UserError(f"k is {k}, but every step fills at least one position; give k of 1 or more.")
    full, rest = divmod(n, k)
    return (k,) * full + ((rest,) if rest else ())


def left_to_right(sizes: Iterable[int]) -> Partition:
    """Return the partition whose sets are consecutive positions: (2, 1) -> ((0, 1), (2,))."""
    partition: list[tuple[int, ...]] = []
    start = 0
    for size in sizes:
        partition.append(tuple(range(start, start + size)))
        start += size
    return tuple(partition)


def check_partition(n: int, sets: Iterable[Iterable[int]]) -> Partition:
    """Return the partition as tuples of ascending positions.

    Raises:
        UserError: a set is empty, or the sets do not hold each of 0..n-1 exactly once.
    """
    partition = tuple(tuple(sorted(positions)) for positions in sets)
    if sorted(i for positions in partition for i in positions) != list(range(n)) or () in partition:
        raise UserError(f"the sets {list(partition)} are no partition; hold each of 0..{n - 1} once, and leave no set empty.")
    return partition
