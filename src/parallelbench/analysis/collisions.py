"""Which writes of one forward made a right answer impossible, found from the history of an answer and the law of right ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from parallelbench.analysis.right_answers import MASKED, Ints, RightAnswers
from parallelbench.runs.records import Record, Trace, Write

REMASK = "remask"


@dataclass(frozen=True, slots=True)
class Collision:
    """The writes of one forward that together agree with no right answer.

    Attributes:
        forward: the index of the forward in the history, from 0.
        positions: where it wrote them, ascending. One position: that write alone was wrong, whatever else was written. Two:
            each of them was possible, and both together were not. More: no two of the forward's writes exclude each other.
    """

    forward: int
    positions: tuple[int, ...]


def initial_canvas(record: Record, trace: Trace) -> Ints:
    """Return the canvas before the first forward: token ids, and `MASKED` where something was decoded.

    Content that no forward wrote was given by the frame of the answer. Positions after the content count as masked.
    """
    written = {position for writes in trace.history for position, *_ in writes}
    canvas = np.full(len(trace.token_ids), MASKED)
    for position, token in enumerate(trace.token_ids[: record.content_tokens]):
        if position not in written:
            canvas[position] = token
    return canvas


def canvases(history: Sequence[Sequence[Write]], start: Ints) -> Ints:
    """Return the canvas before the first forward and after each of T forwards: [T + 1, length]."""
    rows = [start]
    for writes in history:
        row = rows[-1].copy()
        for position, token, _, action in writes:
            row[position] = MASKED if action == REMASK else token
        rows.append(row)
    return np.stack(rows)


def find_collision(history: Sequence[Sequence[Write]], start: Ints, right: RightAnswers) -> Collision | None:
    """Find the forward after which no right answer agreed with the canvas any more, until the end, and what it wrote wrongly.

    The writes of that forward are read from left to right, on the canvas before it with the positions that it changed masked.
    The collision is the first single write that no right answer agrees with. If there is none, it is the first two writes that
    together agree with no right answer (the two whose right one is leftmost, and among these whose left one is). If there are
    none either, it is the writes up to the first after which no right answer agrees, without those that can be left out.

    Returns:
        The collision; None where a right answer agrees with the last canvas, or none agreed with the first.
    """
    rows = canvases(history, start)
    alive = right.possible(rows)
    if alive[-1] or not alive.any():
        return None
    forward = int(np.flatnonzero(alive)[-1])
    base, wrote = rows[forward].copy(), dict[int, int]()
    for position, token, _, action in history[forward]:
        base[position] = MASKED
        wrote.pop(position, None)
        if action != REMASK:
            wrote[position] = token
    return Collision(forward, _fewest(base, wrote, right))


def _fewest(base: Ints, wrote: dict[int, int], right: RightAnswers) -> tuple[int, ...]:
    """The positions of the writes (position: token) that exclude each other on the canvas `base`."""
    order = sorted(wrote)
    for groups in _ones_and_twos(order):
        possible = right.possible(np.stack([_with(base, wrote, group) for group in groups]))
        if not possible.all():
            return groups[int(np.argmin(possible))]
    return _without_the_needless(base, wrote, order, right)


def _ones_and_twos(order: list[int]) -> Iterator[list[tuple[int, ...]]]:
    """Yield all single positions, then for each position from the second on every two of which it is the right one."""
    yield [(one,) for one in order]
    for at, last in enumerate(order[1:], 1):
        yield [(left, last) for left in order[:at]]


def _without_the_needless(base: Ints, wrote: dict[int, int], order: list[int], right: RightAnswers) -> tuple[int, ...]:
    """The writes up to the first after which no right answer agrees, without those that can be left out, from the left."""
    prefixes = np.stack([_with(base, wrote, order[: at + 1]) for at in range(len(order))])
    kept = order[: int(np.argmin(right.possible(prefixes))) + 1]
    for position in list(kept):
        fewer = [one for one in kept if one != position]
        if not right.possible(_with(base, wrote, fewer))[0]:
            kept = fewer
    return tuple(kept)


def _with(base: Ints, wrote: dict[int, int], positions: Sequence[int]) -> Ints:
    row = base.copy()
    for position in positions:
        row[position] = wrote[position]
    return row
