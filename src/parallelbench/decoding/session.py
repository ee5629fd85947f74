"""One sample in flight: its prompt, state, coroutine and account, and the guards that no decoder can get around."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from parallelbench.decoding.decoder import Decoder, Run
from parallelbench.decoding.ledger import Account
from parallelbench.decoding.signals import Forward, Signals
from parallelbench.decoding.state import DecoderFault, State
from parallelbench.models.base import Ints, ModelInfo
from parallelbench.rng import Draws
from parallelbench.schema import Prompt

FORWARDS_PER_TOKEN = 4


class Session:
    """Advances one sample's decoder from request to request.

    Guards: after `FORWARDS_PER_TOKEN` x canvas length forwards the rest is committed by one last forward and the sample is
    flagged "capped"; a decoder that returns and leaves masks is finished the same way and flagged "unfinished".
    """

    def __init__(self, prompt: Prompt, decoder: Decoder, info: ModelInfo, seed: int) -> None:
        sample = prompt.sample
        draws = Draws(seed, sample.task, sample.version, sample.seed, sample.index)
        self.prompt = prompt
        self.sampling = decoder.sampling
        self.state = State(np.asarray(prompt.canvas, dtype=np.int64), prompt.ids, info, draws, decoder.block or info.block)
        self.account = Account(info)
        self.seconds = 0.0
        self.limit = FORWARDS_PER_TOKEN * len(prompt.canvas)
        self.prompt_ids = np.asarray(prompt.ids, dtype=np.int64)
        self.length = len(prompt.ids) + len(prompt.canvas)
        self._run: Run = decoder.run(self.state)
        self.request: Forward | None = None
        self._advance(None)

    @property
    def done(self) -> bool:
        """True when no forward is wanted any more."""
        return self.request is None

    @property
    def branched(self) -> bool:
        """True when the pending request asks for several canvases, so that its signals have an axis of branches."""
        return self._pending().branches is not None

    def canvases(self) -> Ints:
        """The canvases of the pending request, [R, W]."""
        request = self._pending()
        if request.branches is not None:
            return request.branches
        return (self.state.canvas if request.canvas is None else request.canvas)[None, :]

    def positions(self) -> Ints:
        """The canvas positions whose signals the pending request wants."""
        request = self._pending()
        if request.positions is None:
            return self.state.eligible
        outside = [int(at) for at in request.positions if not 0 <= at < len(self.state.canvas)]
        if outside:
            raise DecoderFault(f"signals are asked for position {outside[0]}, outside the canvas of {len(self.state.canvas)}")
        return request.positions

    def resume(self, signals: Signals) -> None:
        """Hand the decoder its signals and take its next request."""
        request = self._pending()
        rows = len(request.branches) if request.branches is not None else 1
        self.account.charge(request.role, rows, self.length, signals.token.size)
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

    def _finish(self, flag: str) -> None:
        self.account.flags.append(flag)
        self._run = _commit_rest(self.state)
        self.request = next(self._run, None)

    def _pending(self) -> Forward:
        if self.request is None:
            raise DecoderFault("this sample is done; it has no request")
        return self.request


def _commit_rest(state: State) -> Generator[Forward, Signals, None]:
    """Commit every mask that is left with its candidate, in one forward."""
    left = np.flatnonzero(state.masked)
    if left.size:
        signals = yield Forward(positions=left)
        state.write(signals.positions, signals.token, signals.confidence)
