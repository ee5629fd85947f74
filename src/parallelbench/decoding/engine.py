"""The engine: every forward of every decoder passes here.

Continuous batching: each sample is a coroutine (`Session`) that yields requests; requests of samples whose rows have the
same padded length share a forward; a finished sample leaves at once and the next takes its slot. The padded length of a
row follows from the row alone, and a row's arithmetic does not depend on its neighbours, so a sample's tokens and ledger
are the same in any batch and any order (fp32 on CPU: to the bit).
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.session import Session
from parallelbench.decoding.signals import FlatSignals, compute, union
from parallelbench.metrics.speed import content_tokens
from parallelbench.models.base import Denoiser, ForwardBatch, Ints
from parallelbench.schema import Generation, Prompt

if TYPE_CHECKING:
    from torch import Tensor

LENGTH_BUCKET = 16


@dataclass(frozen=True, slots=True)
class Packed:
    """The requests that share a forward, and where each one's answers lie among the asked rows."""

    sessions: Sequence[Session]
    batch: ForwardBatch
    positions: Sequence[Ints]
    shapes: Sequence[tuple[int, ...]]


class Engine:
    """Runs a decoder on a denoiser.

    Args:
        model: the denoiser.
        batch_size: samples in flight at once.
    """

    def __init__(self, model: Denoiser, batch_size: int = 64) -> None:
        self.model = model
        self.batch_size = batch_size

    def generate(self, prompts: Iterable[Prompt], decoder: Decoder, seed: int = 0) -> Iterator[Generation]:
        """Decode prompts and yield each generation as it finishes, in no particular order.

        Everything random follows from (seed, sample, forward, position).
        """
        waiting = iter(prompts)
        active: list[Session] = []
        while True:
            while len(active) < self.batch_size and (prompt := next(waiting, None)) is not None:
                active.append(Session(prompt, decoder, self.model.info, seed))
            if not active:
                return
            for group in _by_length([session for session in active if not session.done]):
                self._round(group)
            yield from (self._generation(session) for session in active if session.done)
            active = [session for session in active if not session.done]

    def _round(self, sessions: Sequence[Session]) -> None:
        """Answer one request of each of these sessions with one forward."""
        start = time.perf_counter()
        packed = pack(sessions, self.model.info.pad_id)
        signals = self._signals(packed, self.forward(packed.batch))
        offset = 0
        for session, positions, shape in zip(sessions, packed.positions, packed.shapes, strict=True):
            session.resume(signals.cut(offset, shape, positions))
            offset += math.prod(shape)
        share = (time.perf_counter() - start) / len(sessions)
        for session in sessions:
            session.seconds += share

    def forward(self, batch: ForwardBatch) -> Tensor:
        """Run the model once, without gradients."""
        with torch.inference_mode():
            return self.model.forward(batch)

    def _signals(self, packed: Packed, logits: Tensor) -> FlatSignals:
        requests = [session.request for session in packed.sessions if session.request is not None]
        extras, top = union(requests)
        sampling = packed.sessions[0].sampling
        with torch.inference_mode():
            return compute(logits, self.model.info, sampling, _draws(packed), extras, top, _asked_tokens(packed))

    def _generation(self, session: Session) -> Generation:
        canvas = tuple(session.state.canvas.tolist())
        info = self.model.info
        content = content_tokens(canvas, info.end_ids)
        text = self.model.codec_for(session.prompt.sample).decode(canvas[:content])
        ledger = session.account.close(session.state.history)
        return Generation(session.prompt, canvas, text, content, ledger, session.seconds)


def padded_length(length: int) -> int:
    """The length to which a row is padded: a property of the row alone."""
    return -(-length // LENGTH_BUCKET) * LENGTH_BUCKET


def _by_length(sessions: Iterable[Session]) -> Iterable[list[Session]]:
    groups: dict[int, list[Session]] = defaultdict(list)
    for session in sessions:
        groups[padded_length(session.length)].append(session)
    return groups.values()


def pack(sessions: Sequence[Session], pad_id: int) -> Packed:
    """Lay the pending requests out as rows of one forward."""
    canvases = [session.canvases() for session in sessions]
    positions = [session.positions() for session in sessions]
    counts = [len(rows) for rows in canvases]
    ids = np.full((sum(counts), padded_length(sessions[0].length)), pad_id, dtype=np.int64)
    columns, shapes, first = [], [], 0
    for session, canvas, where, count in zip(sessions, canvases, positions, counts, strict=True):
        start = len(session.prompt.ids)
        rows = ids[first : first + count]
        rows[:, :start] = session.prompt_ids
        rows[:, start : session.length] = canvas
        columns.append(np.tile(start + where, count) if count > 1 else start + where)
        shapes.append((count, len(where)) if session.branched else (len(where),))
        first += count
    lengths = np.repeat([session.length for session in sessions], counts)
    asked = np.repeat([len(where) for where in positions], counts)
    prompts = [session.prompt for session, count in zip(sessions, counts, strict=True) for _ in range(count)]
    batch = ForwardBatch(ids, lengths, np.repeat(np.arange(first), asked), np.concatenate(columns), prompts)
    return Packed(sessions, batch, positions, shapes)


def _draws(packed: Packed) -> npt.NDArray[np.float64] | None:
    """The uniform draws that the sampling of these sessions needs, one for each asked row."""
    lanes = packed.sessions[0].sampling.lanes
    if not lanes:
        return None
    drawn = []
    for session, positions, shape in zip(packed.sessions, packed.positions, packed.shapes, strict=True):
        copies = shape[0] if len(shape) > 1 else 1
        drawn.append(np.tile(session.state.uniform(positions, lanes[0]), copies))
    return np.concatenate(drawn)


def _asked_tokens(packed: Packed) -> Ints | None:
    """The tokens of `p_of`, flattened; -1 where a request asks for none."""
    asked = [session.request.tokens if session.request else None for session in packed.sessions]
    if all(tokens is None for tokens in asked):
        return None
    flat = [
        np.full(math.prod(shape), -1) if tokens is None else np.broadcast_to(tokens, shape).ravel()
        for tokens, shape in zip(asked, packed.shapes, strict=True)
    ]
    return np.concatenate(flat)
