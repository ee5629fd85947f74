"""Which requests share a forward, and how they lie in it.

Requests share a forward where model, kind and padded lengths agree. Those follow from a request alone, so a row's arithmetic
is the same in any batch and any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.forward import CacheRows, ForwardBatch, Ints
from parallelbench.decoding.session import Session

LENGTH_BUCKET = 16


@dataclass(frozen=True, slots=True)
class Packed:
    """The requests that share a forward, and the first of each one's rows and, of all, past the last."""

    sessions: Sequence[Session]
    batch: ForwardBatch
    first: Sequence[int]

    @property
    def standing(self) -> Ints:
        """The token at each asked position."""
        return self.batch.ids[self.batch.rows, self.batch.columns]


def groups(sessions: Iterable[Session]) -> Iterable[list[Session]]:
    """Sort sessions with pending requests into those that may share a forward."""
    found: dict[Any, list[Session]] = defaultdict(list)
    for session in sessions:
        found[_kind(session)].append(session)
    return found.values()


def padded_length(length: int) -> int:
    """The length to which a row is padded: a property of the row alone."""
    return -(-length // LENGTH_BUCKET) * LENGTH_BUCKET


def pack(sessions: Sequence[Session], pad_id: int) -> Packed:
    """Lay the pending requests out as rows of one forward."""
    counts = [len(session.rows) for session in sessions]
    first = [0, *np.cumsum(counts).tolist()]
    fed = [session.feed.end - session.feed.start for session in sessions]
    ids = np.full((first[-1], padded_length(fed[0])), pad_id, dtype=np.int64)
    columns = []
    for session, start, count, length in zip(sessions, first, counts, fed, strict=False):
        ids[start : start + count, :length] = session.rows[:, session.feed.start : session.feed.end]
        own = len(session.prompt.ids) + session.positions - session.feed.start
        columns.append(np.tile(own, count) if count > 1 else own)
    asked = np.repeat([len(session.positions) for session in sessions], counts)
    request = sessions[0].pending
    batch = ForwardBatch(
        ids=ids,
        lengths=np.repeat(fed, counts),
        rows=np.repeat(np.arange(first[-1]), asked),
        columns=np.concatenate(columns),
        prompts=[session.prompt for session, count in zip(sessions, counts, strict=True) for _ in range(count)],
        attention=request.attention,
        shadow=request.shadow,
        cache=_cache(sessions, counts, ids.shape[1]),
        noise=_noise(sessions, counts),
    )
    return Packed(sessions, batch, first)


def draws(packed: Packed) -> npt.NDArray[np.float64] | None:
    """The uniform draws that the sampling of these sessions needs, one for each asked row."""
    lanes = packed.sessions[0].sampling.lanes
    if not lanes:
        return None
    return np.concatenate(
        [np.tile(session.state.uniform(session.positions, lanes[0]), len(session.rows)) for session in packed.sessions]
    )


def asked_tokens(packed: Packed) -> Ints | None:
    """The tokens of `p_of`, flattened; -1 where a request asks for none."""
    if all(session.pending.tokens is None for session in packed.sessions):
        return None
    wanted = [-1 if session.pending.tokens is None else session.pending.tokens for session in packed.sessions]
    return np.concatenate(
        [np.broadcast_to(tokens, session.shape).ravel() for session, tokens in zip(packed.sessions, wanted, strict=True)]
    )


def _kind(session: Session) -> tuple[Any, ...]:
    """What the requests of one forward have in common."""
    request, feed = session.pending, session.feed
    shadows = padded_length(len(session.positions)) if request.shadow else None
    lengths = padded_length(feed.end - feed.start), padded_length(feed.seen), shadows
    return request.model, *lengths, request.attention, request.shadow, len(feed.keep) > 0


def _noise(sessions: Sequence[Session], counts: Sequence[int]) -> npt.NDArray[np.float64] | None:
    """The noise level of each row, NaN where none is named; None where no row names one."""
    levels = [session.pending.noise for session in sessions]
    if all(level is None for level in levels):
        return None
    return np.repeat([np.nan if level is None else level for level in levels], counts)


def _cache(sessions: Sequence[Session], counts: Sequence[int], width: int) -> CacheRows | None:
    """What rows see of earlier forwards and leave behind; None where whole rows are fed and nothing is kept."""
    feeds = [session.feed for session, count in zip(sessions, counts, strict=True) for _ in range(count)]
    if feeds[0].past is None and not len(feeds[0].keep):
        return None
    positions = np.array([feed.start for feed in feeds])[:, None] + np.arange(width)
    past = [feed.past for feed in feeds] if feeds[0].past is not None else []
    return CacheRows(positions, past, [feed.keep - feed.start for feed in feeds])
