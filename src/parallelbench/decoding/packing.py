"""Groups the pending requests of several samples into forwards, and lays out each group as one batch.

Two requests run in the same forward if their `Session.kind` is equal: the same model, padded lengths and options. The kind
depends on the request alone, so the arithmetic of a row is the same in any batch and any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.forward import CacheRows, ForwardBatch, Ints, padded_length
from parallelbench.decoding.session import Session
from parallelbench.decoding.signals import ForwardRequest
from parallelbench.rng import uniform_each


@dataclass(frozen=True, slots=True)
class Packed:
    """The sessions of one forward, their rows as a batch, and the index of the first row of each session.

    `sizes` is the number of requested positions of each session, summed over all rows of the session; `requests` are the
    different requests of the sessions. `positions` are the requested canvas positions of every row, one after another, [N].
    """

    sessions: Sequence[Session]
    batch: ForwardBatch
    first: Sequence[int]
    sizes: Sequence[int]
    requests: Sequence[ForwardRequest]
    positions: Ints

    @property
    def current(self) -> Ints:
        """The current token at each requested position, [N]."""
        return self.batch.ids[self.batch.rows, self.batch.columns]

    @property
    def everywhere(self) -> npt.NDArray[np.bool_]:
        """True for each requested position, [N]."""
        return np.ones(len(self.positions), dtype=np.bool_)


def groups(sessions: Iterable[Session]) -> Iterable[list[Session]]:
    """Group sessions with pending requests by `Session.kind`; the requests of a group can run in one forward."""
    found: dict[Any, list[Session]] = defaultdict(list)
    for session in sessions:
        found[session.kind].append(session)
    return found.values()


def pack(sessions: Sequence[Session], pad_id: int) -> Packed:
    """Lay out the pending requests as rows of one forward, padded with `pad_id`."""
    counts = [len(session.rows) for session in sessions]
    first = np.cumsum([0, *counts[:-1]]).tolist()
    widths = [session.span.end - session.span.start for session in sessions]
    wanted = np.repeat([len(session.positions) for session in sessions], counts)
    starts = np.repeat([session.before - session.span.start for session in sessions], counts)
    requests = list({id(session.request): session.pending for session in sessions}.values())
    request, positions = requests[0], _positions(sessions, counts)
    batch = ForwardBatch(
        ids=_ids(sessions, counts, first, widths, pad_id),
        lengths=np.repeat(widths, counts),
        rows=np.repeat(np.arange(sum(counts)), wanted),
        columns=positions + np.repeat(starts, wanted),
        prompts=[session.prompt for session, count in zip(sessions, counts, strict=True) for _ in range(count)],
        attention=request.attention,
        shadow=request.shadow,
        cache=_cache(sessions, counts, padded_length(widths[0])),
        noise=_noise(sessions, counts) if any(request.noise is not None for request in requests) else None,
    )
    sizes = [len(session.positions) * count for session, count in zip(sessions, counts, strict=True)]
    return Packed(sessions, batch, first, sizes, requests, positions)


def draws(packed: Packed) -> npt.NDArray[np.float64] | None:
    """The uniform draws that the sampling of these sessions needs, one for each requested position.

    All branches of a session use the same draws, because a draw depends on the sample, the forward and the position.
    """
    lanes = packed.sessions[0].setup.sampling.lanes
    if not lanes:
        return None
    states = [session.state for session in packed.sessions]
    steps = [len(state.history) for state in states]
    return uniform_each([state.draws for state in states], steps, packed.sizes, packed.positions, lanes[0])


def before_last_block(packed: Packed) -> npt.NDArray[np.bool_]:
    """True for each requested position that lies before the last block of its canvas, [N]."""
    blocks = [session.state.block_of(len(session.state.canvas) - 1) for session in packed.sessions]
    at = np.repeat(np.arange(len(packed.sessions)), packed.sizes)
    each = np.concatenate(
        [np.tile(session.state.block_of(session.positions), len(session.rows)) for session in packed.sessions]
    )
    return np.asarray(each < np.array(blocks)[at])


def requested_tokens(packed: Packed) -> Ints | None:
    """The token of which `p_of` is the probability, for each requested position, [N]; -1 where a request names none.

    None where no request names any.
    """
    if all(request.tokens is None for request in packed.requests):
        return None
    wanted = [-1 if session.pending.tokens is None else session.pending.tokens for session in packed.sessions]
    return np.concatenate(
        [np.broadcast_to(tokens, session.shape).ravel() for session, tokens in zip(packed.sessions, wanted, strict=True)]
    )


def _ids(sessions: Sequence[Session], counts: Sequence[int], first: Sequence[int], widths: Sequence[int], pad_id: int) -> Ints:
    """The token ids of all rows, [R, padded length]."""
    width = padded_length(widths[0])
    if all(session.plain for session in sessions):
        return np.concatenate([session.row for session in sessions]).reshape(len(sessions), width)
    ids = np.full((sum(counts), width), pad_id, dtype=np.int64)
    for session, start, count, length in zip(sessions, first, counts, widths, strict=True):
        ids[start : start + count, :length] = session.rows[:, session.span.start : session.span.end]
    return ids


def _positions(sessions: Sequence[Session], counts: Sequence[int]) -> Ints:
    """The requested canvas positions of every row, one after another."""
    return np.concatenate(
        [
            session.positions if count == 1 else np.tile(session.positions, count)
            for session, count in zip(sessions, counts, strict=True)
        ]
    )


def _noise(sessions: Sequence[Session], counts: Sequence[int]) -> npt.NDArray[np.float64]:
    """The noise level of each row, NaN where a request names none."""
    levels = [session.pending.noise for session in sessions]
    return np.repeat([np.nan if level is None else level for level in levels], counts)


def _cache(sessions: Sequence[Session], counts: Sequence[int], width: int) -> CacheRows | None:
    """The cached keys of each row and the columns to keep keys of; None where whole rows are computed and nothing is kept."""
    spans = [session.span for session, count in zip(sessions, counts, strict=True) for _ in range(count)]
    if spans[0].past is None and not len(spans[0].keep):
        return None
    positions = np.array([span.start for span in spans])[:, None] + np.arange(width)
    past = [span.past for span in spans] if spans[0].past is not None else []
    return CacheRows(positions, past, [span.keep - span.start for span in spans])
