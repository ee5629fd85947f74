"""Which prompt takes a free slot: one of a length that is already being decoded, so that forwards are full.

Rows share a forward only where their padded lengths agree. Prompts of many lengths, taken as they come, would split the
samples in flight into small groups; so a bounded number of prompts is read ahead, and those of one length are taken together.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from parallelbench.contracts.forward import padded_length
from parallelbench.schema import Prompt

READ_AHEAD = 16
"""Prompts read ahead for each slot."""


class Waiting:
    """Prompts that wait for a slot."""

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        self._source = iter(prompts)
        self._by_length: dict[int, deque[Prompt]] = {}
        self._count = 0

    def take(self, active: Counter[int], slots: int) -> Prompt | None:
        """Return the next prompt, None where all are taken.

        `active` counts the samples in flight by `row_length`. Of the prompts read ahead, one is taken of the length with most
        samples in flight, else of the length with most prompts; within a length in the order in which they came.
        """
        self._read_ahead(READ_AHEAD * slots)
        if not self._count:
            return None
        length = max(self._by_length, key=lambda one: (active[one], len(self._by_length[one])))
        waiting = self._by_length[length]
        prompt = waiting.popleft()
        self._count -= 1
        if not waiting:
            del self._by_length[length]
        return prompt

    def _read_ahead(self, most: int) -> None:
        while self._count < most and (prompt := next(self._source, None)) is not None:
            self._by_length.setdefault(row_length(prompt), deque()).append(prompt)
            self._count += 1


def row_length(prompt: Prompt) -> int:
    """The padded length of prompt and canvas."""
    return padded_length(len(prompt.ids) + len(prompt.canvas))
