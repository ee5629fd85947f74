"""Labelled random streams and counter-based draws.

Two kinds of randomness, both functions of names instead of call order:

* `stream(...)` makes the generator of one sample from its labels. Sample i of seed s never shares a stream with sample
  i+1 of seed s-1, as `Random(seed + i)` would.
* `Draws` computes the uniform number of (seed, sample) at (step, position) directly, so a decoder's draws do not depend
  on the batch it ran in or on how many numbers other code has drawn.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0xD1342543DE82EF95)
_LANE = 0xA0761D6478BD642F
_64_BITS = (1 << 64) - 1


def digest(*labels: Any) -> int:
    """Return a 64-bit integer that names this sequence of labels (SHA-256 of their text, unit-separated)."""
    text = "\x1f".join(str(label) for label in labels)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def stream(*labels: Any) -> random.Random:
    """Return the generator that belongs to these labels."""
    return random.Random(digest(*labels))


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014): a bijection that scatters every bit.

    Products of arrays are taken modulo 2^64, without a warning; those of single numbers would warn.
    """
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


class Draws:
    """Counter-based uniform draws of one sample: a pure function of (seed, sample, step, position, lane)."""

    __slots__ = ("key",)

    def __init__(self, *labels: Any) -> None:
        self.key = digest("draws", *labels)

    def uniform(self, step: int, positions: npt.ArrayLike, lane: int = 0) -> npt.NDArray[np.float64]:
        """Return one number in (0, 1) for each position at this step.

        `lane` separates uses within a step; `decoding.signals` names lanes below 8; a decoder may use lanes from 8 on.
        """
        where = np.asarray(positions, dtype=np.int64)
        return uniform_each([self], [step], [where.size], where.ravel(), lane).reshape(where.shape or (1,))


def uniform_each(
    draws: Sequence[Draws], steps: Sequence[int], counts: Sequence[int], positions: npt.NDArray[np.int64], lane: int = 0
) -> npt.NDArray[np.float64]:
    """Return the numbers of several samples at once: `counts[i]` positions of sample i at its step `steps[i]`, in turn."""
    keys = np.array([one.key for one in draws], dtype=np.uint64)
    keys = _mix(keys + np.array(steps, dtype=np.uint64) * _STEP + np.uint64(lane * _LANE & _64_BITS))
    bits = _mix(_mix(np.repeat(keys, counts) + (positions.astype(np.uint64) + np.uint64(1)) * _GOLDEN))
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
