"""How fast, and in which order: the only place that counts tokens and forwards (DESIGN 3, the ledger's table).

Every number is derived from what the engine wrote down and from token ids; nothing is re-tokenised, and a nominal number
of steps is never read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parallelbench.schema import Ledger

History = Sequence[Sequence[tuple[int, int, float | None, str]]]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Speed:
    """What one sample's generation did per forward; None is what a generator does not say.

    `tokens_per_step` = canvas length / nfe is the paper's TPS, which counts end padding as speed;
    `content_tokens_per_forward` = content tokens / nfe does not. Neither counts tokens that a frame fixes.
    """

    content_tokens: int | None
    nfe: int | None
    tokens_per_step: float | None
    content_tokens_per_forward: float | None


@dataclass(frozen=True, slots=True)
class Order:
    """In which order a canvas was filled; each value is None where it is undefined (nothing written, or no two steps differ).

    `afp` is the average finalisation parallelism: positions written / forwards (probes too), each position counted once,
    at its last write (arXiv 2601.15593). `kendall_tau` (tau-b) and `spearman` compare that step with the position: 1 is left to
    right, -1 right to left.
    """

    afp: float | None
    kendall_tau: float | None
    spearman: float | None


def content_tokens(token_ids: Sequence[int], end_ids: Collection[int]) -> int:
    """Count the tokens before the first end token, all of them where there is none."""
    return next((i for i, token in enumerate(token_ids) if token in end_ids), len(token_ids))


def measure(ledger: Ledger, token_ids: Sequence[int], end_ids: Collection[int], given: Collection[int] = ()) -> Speed:
    """Measure one sample: its canvas (token ids), the ids that end a text, what the engine counted, and the positions of the
    canvas that a frame gave.

    A sample that needed no forward, because its frame left nothing open, has `nfe` 0 and no tokens per forward.
    """
    nfe = sum(ledger.nfe.values())
    content = content_tokens(token_ids, end_ids)
    free = content - sum(position < content for position in given)
    if nfe == 0:
        return Speed(content, 0, None, None)
    return Speed(content, nfe, (len(token_ids) - len(given)) / nfe, free / nfe)


def measure_reported(tokens: int | None, content: int | None, steps: int | None) -> Speed:
    """Measure what a generator reports: tokens made (the end token included), tokens of the answer, sequential forwards.

    There is no canvas, so `tokens_per_step` = tokens made / forwards: 1 for an autoregressive model.
    """
    per_step, per_forward = (number / steps if steps and number is not None else None for number in (tokens, content))
    return Speed(content, steps or None, per_step, per_forward)


def final_steps(history: History) -> tuple[Ints, Ints]:
    """Return the positions that were written, ascending, and the step of the last commit or edit of each."""
    last = {
        position: step
        for step, writes in enumerate(history)
        for position, _, _, action in writes
        if action in ("commit", "edit")
    }
    positions = np.array(sorted(last), dtype=np.int64)
    return positions, np.array([last[int(position)] for position in positions], dtype=np.int64)


def decoding_order(history: History) -> Order:
    """Describe the order in which a canvas was filled."""
    positions, steps = final_steps(history)
    if not len(steps):
        return Order(None, None, None)
    return Order(len(steps) / len(history), kendall_tau(steps, positions), spearman(steps, positions))


def kendall_tau(x: npt.ArrayLike, y: npt.ArrayLike) -> float | None:
    """Kendall's tau-b of two equally long vectors; None where one of them is constant.

        tau_b = (concordant - discordant) / sqrt(pairs untied in x * pairs untied in y)

    Quadratic in their length, which is that of a canvas.
    """
    a, b = (np.sign(np.subtract.outer(v, v)).astype(np.int8) for v in (np.asarray(x), np.asarray(y)))
    untied = int(np.count_nonzero(a)) * int(np.count_nonzero(b))
    return int(np.sum(a * b, dtype=np.int64)) / math.sqrt(untied) if untied else None


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float | None:
    """Spearman's rho: Pearson's correlation of the ranks, ties at their mean rank; None where one vector is constant."""
    a, b = (_ranks(v) for v in (x, y))
    a, b = a - a.mean() if len(a) else a, b - b.mean() if len(b) else b
    scale = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(np.clip(a @ b / scale, -1.0, 1.0)) if scale else None


def _ranks(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Ranks from 1; equal values get the mean of their ranks."""
    ranked = np.asarray(values)
    ordered = np.sort(ranked)
    mean: npt.NDArray[np.float64] = (np.searchsorted(ordered, ranked) + 1 + np.searchsorted(ordered, ranked, "right")) / 2
    return mean
