"""One sample in flight: its prompt, state, coroutine and account, and the guards that no decoder can get around."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Literal

import numpy as np

from parallelbench.contracts.forward import Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.cache import Feed, NoCache, Question, make_cache
from parallelbench.decoding.decoder import Decoder, Run
from parallelbench.decoding.ledger import Account, cost_of
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import DecoderFault, State
from parallelbench.rng import Draws
from parallelbench.schema import CacheKind, Prompt

Infos = Mapping[Literal["main", "aux"], ModelInfo]


class Session:
    """Advances one sample's decoder from request to request.

    Guards: after as many forwards as the decoder's `max_forwards` allows the rest is committed by one last forward and the
    sample is flagged "capped"; a decoder that returns and leaves masks is finished the same way and flagged "unfinished".
    """

    def __init__(self, prompt: Prompt, decoder: Decoder, infos: Infos, seed: int, cache: CacheKind = "none") -> None:
        sample, info = prompt.sample, infos["main"]
        draws = Draws(seed, sample.task, sample.version, sample.seed, sample.index)
        self.prompt = prompt
        self.sampling = decoder.sampling
        self.state = State(np.asarray(prompt.canvas, dtype=np.int64), prompt.ids, info, draws, decoder.block or info.block)
        self.account = Account()
        self.seconds = 0.0
        self.limit = decoder.max_forwards(len(prompt.canvas))
        self.length = len(prompt.ids) + len(prompt.canvas)
        self._infos = infos
        self._cache = make_cache(cache, info)
        self._prompt_ids = np.asarray(prompt.ids, dtype=np.int64)
        self._run: Run = decoder.run(self.state)
        self.request: ForwardRequest | None = None
        self._advance(None)

    @property
    def done(self) -> bool:
        """True when no forward is wanted any more."""
        return self.request is None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the pending request's signals: (positions,), or (branches, positions)."""
        asked = len(self.positions)
        return (asked,) if self.pending.branches is None else (len(self.rows), asked)

    @property
    def pending(self) -> ForwardRequest:
        """The request that waits for its signals."""
        if self.request is None:
            raise DecoderFault("this sample is done; it has no request")
        return self.request

    def resume(self, signals: Signals, kept: Any = None) -> None:
        """Hand the decoder its signals, with what the model kept of the row, and take its next request."""
        request, feed, info = self.pending, self.feed, self._infos[self.pending.model]
        shadows = len(self.positions) if request.shadow else 0
        role = "aux" if request.model == "aux" else feed.role or request.role
        self.account.charge(
            role, cost_of(info, feed, len(self.rows), signals.token.size, shadows, request.shadow == "shared"), info
        )
        self._cache.store(feed, self.rows, kept)
        self.state.history.append([])
        self._advance(signals)
        self.state.forwards += 1

    def _advance(self, signals: Signals | None) -> None:
        try:
            self.request = next(self._run) if signals is None else self._run.send(signals)
        except StopIteration:
            self.request = None
            if self.state.masked.any():
                self._finish("unfinished")
        if self.request is not None and self.account.forwards >= self.limit and not self.account.flags:
            self._finish("capped")
        if self.request is not None:
            self._prepare(self.request)

    def _prepare(self, request: ForwardRequest) -> None:
        """PlannedCell out what the request feeds: `rows` [R, length], `positions` in the canvas, `feed`."""
        if request.model not in self._infos:
            raise DecoderFault("the auxiliary model is asked, but there is none")
        canvases = self._canvases(request)
        prompt = np.broadcast_to(self._prompt_ids, (len(canvases), len(self._prompt_ids)))
        self.rows: Ints = np.concatenate([prompt, canvases], axis=1)
        self.positions: Ints = self._positions(request)
        own = request.canvas is None and request.branches is None
        start, (first, last) = len(self._prompt_ids), self.state.window
        columns = np.maximum(start + self.positions - self._infos[request.model].shift, 0)
        cache = self._cache if request.model == "main" else NoCache()
        self.feed: Feed = cache.feed(Question(self.rows, columns, (start + first, start + last), own))

    def _canvases(self, request: ForwardRequest) -> Ints:
        """The canvases of a request, [R, W]."""
        if request.branches is not None:
            return request.branches
        return (self.state.canvas if request.canvas is None else request.canvas)[None, :]

    def _positions(self, request: ForwardRequest) -> Ints:
        """The positions whose signals a request wants; those of the prompt are negative."""
        positions = self.state.eligible if request.positions is None else request.positions
        outside = [int(at) for at in positions if not 0 <= at < len(self.state.canvas)]
        if outside:
            raise DecoderFault(f"signals are asked for position {outside[0]}, outside the canvas of {len(self.state.canvas)}")
        return np.concatenate([np.arange(-len(self._prompt_ids), 0), positions]) if request.prompt else positions

    def _finish(self, flag: str) -> None:
        self.account.flags.append(flag)
        self._run = _commit_rest(self.state)
        self.request = next(self._run, None)


def _commit_rest(state: State) -> Generator[ForwardRequest, Signals, None]:
    """Commit every mask that is left with its candidate, in one forward."""
    left = np.flatnonzero(state.masked)
    if left.size:
        signals = yield ForwardRequest(positions=left)
        state.write(signals.positions, signals.token, signals.confidence)
