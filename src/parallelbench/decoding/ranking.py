"""What ranking decoders do at a step, for one sample or for all samples of a forward at once, with the same results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.quota import Quota
from parallelbench.decoding.signals import Floats, Signals
from parallelbench.decoding.state import DecoderFault, States

Score = TypeVar("Score", bound=Callable[..., npt.ArrayLike])
Order = npt.NDArray[np.intp]


def elementwise(score: Score) -> Score:
    """Mark a `RankingDecoder.score` that computes each position's score from that position's signals alone.

    Such a score may read nothing of `state` but `uniform`. The engine then calls it once for the positions of all samples of
    a forward, which is faster and returns the same numbers. The mark belongs to the function: a subclass that writes a
    `score` of its own without it is called sample by sample.
    """
    score.elementwise = True  # type: ignore[attr-defined]  # a function takes attributes
    return score


def is_elementwise(score: Callable[..., npt.ArrayLike]) -> bool:
    """True where a score was marked as `elementwise`."""
    return bool(getattr(score, "elementwise", False))


def checked(scores: npt.ArrayLike, positions: Ints) -> npt.NDArray[np.float64]:
    """The scores as numbers, one for each position.

    Raises:
        DecoderFault: there are more or fewer, or one is no number.
    """
    try:
        found = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DecoderFault(f"score returned {scores!r:.60}, which are no numbers") from error
    if found.shape != positions.shape:
        raise DecoderFault(f"score returned an array of shape {found.shape} for {len(positions)} positions")
    if np.isnan(found).any():
        raise DecoderFault("score returned NaN, which has no rank")
    return found


def order_each(scores: npt.NDArray[np.float64], positions: Ints, states: States, ties: str) -> Order:
    """Return the order of falling score within each sample, samples in turn; see `Decoder.best_first` for ties."""
    if ties == "random":
        return np.lexsort((states.tie_order(positions), -scores, states.sample))
    return np.lexsort((-scores, states.sample))


def commit_first(order: Order, signals: Signals, states: States, quotas: Sequence[Quota]) -> None:
    """Commit the first positions of each sample in its rank order, as many as its quota says."""
    ranked = signals.confidence[order]
    chosen = np.flatnonzero(_within(_counts(ranked, states, quotas), states))
    at = order[chosen]
    positions, tokens, sure = signals.positions[at].tolist(), signals.token[at].tolist(), ranked[chosen].tolist()
    ends = np.searchsorted(states.sample[chosen], np.arange(len(states.states)), side="right").tolist()
    start = 0
    for state, end in zip(states.states, ends, strict=True):
        state.write_each(positions[start:end], tokens[start:end], sure[start:end])
        start = end


def _counts(ranked: Floats, states: States, quotas: Sequence[Quota]) -> Ints:
    """How many positions each sample commits."""
    found = quotas[0].count_each(ranked, states)
    if found is None:
        ends = np.cumsum(states.counts).tolist()
        found = [
            quota.count(ranked[end - size : end], state)
            for quota, state, size, end in zip(quotas, states.states, states.counts, ends, strict=True)
        ]
    counts = np.asarray(found)
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        wrong = next(one for one in found if not isinstance(one, (int, np.integer)) or one < 0)
        raise DecoderFault(f"its quota says {wrong!r:.60} positions; return a whole number, and 0 where only one is to go")
    committed: Ints = np.maximum([quota.least for quota in quotas], np.minimum(counts, states.counts))
    return committed


def _within(counts: Ints, states: States) -> npt.NDArray[np.bool_]:
    """Which entries of arrays in rank order are among the first `counts[i]` of their sample i."""
    ends = np.cumsum(states.counts) - states.counts + counts
    return np.arange(len(states.sample)) < ends[states.sample]
