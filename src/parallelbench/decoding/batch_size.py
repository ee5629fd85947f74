"""How many samples are decoded at once. It changes how long a run takes, never what a sample's tokens are.

`auto` tries a number by making half of the steps in forwards of half as many rows. If whole forwards cost at least 3 % less
for a token of input than halves, the number is kept and twice as many are tried next; otherwise half as many are decoded from
then on. Whole and halved forwards take turns (one, two, two, ...), so that a machine whose speed changes changes both. The
forwards are those of the run itself, so nothing is spent on finding out. On a CPU a forward is full of arithmetic from a few
rows on, and more rows only leave its caches; on a GPU doubling goes on until the arithmetic units are busy or the memory is
full.

Where a forward does not fit into memory the number is halved; after some forwards that fit it is doubled again, in case the
memory was in other use. Each further failure makes it wait twice as long.
"""

from __future__ import annotations

import sys
from statistics import median

from parallelbench.contracts.info import ModelInfo
from parallelbench.schema import BatchSize

START = {"cpu": 16}
START_ELSEWHERE = 64
"""The first number that `auto` tries: half of it is the least that it decodes at once."""
MOST = 512
LOGITS_BYTES = 1 << 32
"""What the logits of a forward may take under `auto`: on a CPU too large a forward ends the process."""
GAIN = 0.03
STEPS = 6
"""Steps measured in either way, of which the median counts: other work on the machine disturbs some of them."""
PATIENCE = 16
"""Forwards at the limit of memory until more is tried, the first time."""


class Batching:
    """The number of samples in flight, and how many of them may share a forward.

    Args:
        wanted: a number, or `auto`.
        info: the model's.
        canvas: the length of a canvas, from which the size of the logits follows.
    """

    def __init__(self, wanted: BatchSize, info: ModelInfo, canvas: int = 1) -> None:
        self._adapts = wanted == "auto"
        self._size = START.get(info.device.partition(":")[0], START_ELSEWHERE) if wanted == "auto" else wanted
        self._most = max(1, min(MOST, LOGITS_BYTES // (4 * info.vocab_size * max(1, canvas))))
        if self._adapts:
            self._size = min(self._size, self._most)
        self._fits = self._size
        self._good, self._patience = 0, PATIENCE
        self._whole: list[float] = []
        self._halved: list[float] = []

    @property
    def size(self) -> int:
        """Samples in flight."""
        return min(self._size, self._fits)

    def part(self, samples: int) -> int:
        """How many of `samples` samples whose requests can share a forward are to share it."""
        return -(-samples // 2) if self._halves and self._fits >= self._size else min(samples, self.size)

    @property
    def _halves(self) -> bool:
        return self._adapts and (len(self._whole) + len(self._halved)) % 4 in (1, 2)

    def step_done(self, samples: int, tokens: int, seconds: float) -> None:
        """Take note of one step: the samples in flight, the tokens that their forwards read, and how long it took."""
        self._recover(samples)
        if not self._adapts or samples < self._size or self._fits < self._size or not tokens:
            return
        (self._halved if self._halves else self._whole).append(seconds / tokens)
        if len(self._whole) + len(self._halved) < 2 * STEPS:
            return
        gains = median(self._whole) < (1 - GAIN) * median(self._halved)
        self._whole, self._halved = [], []
        self._adapts = gains and 2 * self._size <= self._most
        if not gains:
            self._size = max(1, self._size // 2)
        elif self._adapts:
            self._size *= 2
        self._fits = self._size

    def did_not_fit(self, samples: int) -> None:
        """Halve the number, because a forward of `samples` samples did not fit into memory."""
        self._fits = max(1, samples // 2)
        self._patience *= 2 if self._good else 1
        self._good = 0
        self._adapts = False
        print(f"note: out of memory with {samples} samples, going on with {self._fits} at once", file=sys.stderr)

    def _recover(self, samples: int) -> None:
        if self._fits >= self._size or samples < self._fits:
            return
        self._good += 1
        if self._good >= self._patience:
            self._fits = min(self._size, 2 * self._fits)
            self._good = 0
            self._patience *= 2
