"""The engine: it runs every forward (model call) of every decoder.

Continuous batching: each sample (`Session`) yields requests; requests of the same kind and padded length run in one forward
(`packing`); a finished sample is removed at once and a waiting one takes its slot (`admission`). The arithmetic of a row does
not depend on the other rows, so a sample's tokens and ledger are the same in any batch and any order (fp32 on CPU: to the bit).
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardOutput
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.admission import Waiting, row_length
from parallelbench.decoding.batch_size import Batching
from parallelbench.decoding.caches.base import Cache
from parallelbench.decoding.compute_signals import add_views, compute, cut, to_vocabulary
from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.end_tokens import with_low_end_tokens, without_end_tokens
from parallelbench.decoding.load import check_auxiliary, load_cache
from parallelbench.decoding.packing import Packed, before_last_block, draws, groups, pack, requested_tokens
from parallelbench.decoding.session import Session, Setup
from parallelbench.decoding.signals import Signals, union
from parallelbench.decoding.state import States
from parallelbench.errors import UserError
from parallelbench.metrics.speed import content_tokens
from parallelbench.schema import BatchSize, Generation, Prompt


class Engine:
    """Runs a decoder on a denoiser.

    Args:
        model: the denoiser.
        batch_size: samples decoded at the same time, or "auto" (`batch_size`); reduced when a forward runs out of memory.
        aux: an auxiliary model with the same vocabulary, for decoders that request it (`ForwardRequest.model`).
        cache: which keys and values are kept between forwards: a `Cache`, or its spec (`decoding.caches`).

    Raises:
        UserError: the auxiliary model has another vocabulary, or the model cannot keep such a cache.
    """

    def __init__(
        self, model: Denoiser, batch_size: BatchSize = "auto", aux: Denoiser | None = None, cache: Cache | str = "none"
    ) -> None:
        self.cache = load_cache(cache)
        self.cache.check(model.info)
        if aux is not None:
            check_auxiliary(model, aux)
        self.model = model
        self.batch_size = batch_size
        self.aux = None if aux is None else aux.auxiliary()

    def generate(self, prompts: Iterable[Prompt], decoder: Decoder, seed: int = 0) -> Iterator[Generation]:
        """Decode prompts and yield each generation as it finishes, in no particular order.

        Every random draw is a function of (seed, sample, number of the forward, position).

        Raises:
            UserError: a forward of a single sample does not fit into memory.
        """
        setup = self._setup(decoder, seed)
        waiting = Waiting(prompts)
        batching: Batching | None = None
        active: list[Session] = []
        while True:
            first = None if active or batching is not None else waiting.take(Counter(), 1)
            if first is not None:
                batching = Batching(self.batch_size, self.model.info, len(first.canvas))
                active.append(Session(first, setup))
            if batching is None:
                return
            self._admit(active, waiting, batching, setup)
            if not active:
                return
            self._step([session for session in active if not session.done], batching)
            yield from (self._generation(session) for session in active if session.done)
            active = [session for session in active if not session.done]

    def warm_up(self, prompt: Prompt, decoder: Decoder, seed: int = 0) -> None:
        """Make one forward that is charged to no sample, because the first forward of a model takes longer than later ones."""
        session = Session(prompt, self._setup(decoder, seed))
        if not session.done:
            self._attempt([session])

    def _setup(self, decoder: Decoder, seed: int) -> Setup:
        main = self.model.info
        return Setup(
            decoder.for_model(main),
            {"main": main} if self.aux is None else {"main": main, "aux": self.aux.info},
            seed,
            self.cache,
        )

    def _admit(self, active: list[Session], waiting: Waiting, batching: Batching, setup: Setup) -> None:
        """Start waiting samples in the free slots."""
        lengths = Counter(len(session.row) for session in active)
        while len(active) < batching.size and (prompt := waiting.take(lengths, batching.size)) is not None:
            active.append(Session(prompt, setup))
            lengths[row_length(prompt)] += 1

    def _step(self, sessions: Sequence[Session], batching: Batching) -> None:
        """Run the pending request of each of these sessions; requests of the same kind run in one forward."""
        start, tokens = time.perf_counter(), 0
        for group in groups(sessions):
            tokens += self._serve(group, batching)
        batching.step_done(len(sessions), tokens, time.perf_counter() - start)

    def _serve(self, sessions: Sequence[Session], batching: Batching) -> int:
        """Run the requests of sessions of one kind, as many in one forward as memory allows.

        Return the number of input tokens, padding included.
        """
        tokens, size = 0, batching.part(len(sessions))
        while sessions:
            part = sessions[:size]
            start = time.perf_counter()
            found = self._attempt(part)
            if found is None:
                self._refused(part, batching)
                size = min(size, batching.size)
                continue
            _resume(*found)
            tokens += found[0].batch.ids.size
            seconds = (time.perf_counter() - start) / len(part)
            for session in part:
                session.seconds += seconds
            sessions = sessions[len(part) :]
        return tokens

    def _attempt(self, sessions: Sequence[Session]) -> tuple[Packed, Signals, Sequence[Any]] | None:
        """Run one forward and compute its signals; None where it runs out of memory."""
        model = self._model_of(sessions)
        packed = pack(sessions, model.info.pad_id)
        try:
            with torch.inference_mode():
                output = model.forward(packed.batch)
                return packed, self._signals(packed, output), output.kept
        except torch.OutOfMemoryError:
            return None

    def _refused(self, sessions: Sequence[Session], batching: Batching) -> None:
        """Reduce the batch size after a forward has run out of memory.

        Raises:
            UserError: the forward had a single sample.
        """
        if len(sessions) == 1:
            raise UserError(
                f"{sessions[0].prompt.sample.id} does not fit into the memory of {self.model.info.device} by itself; use a "
                "smaller max_new_tokens, fewer shots, dtype=bfloat16 or another device."
            )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        batching.did_not_fit(len(sessions))

    def _model_of(self, sessions: Sequence[Session]) -> Denoiser:
        """The model that these sessions' requests name."""
        return self.model if self.aux is None or sessions[0].pending.model == "main" else self.aux

    def _signals(self, packed: Packed, output: ForwardOutput) -> Signals:
        extras, top = union(packed.requests)
        info, model = self.model.info, self._model_of(packed.sessions)
        logits = output.logits
        if model is not self.model:
            logits = to_vocabulary(logits, model.info.vocab_size, info.vocab_size)
        sampling = packed.sessions[0].setup.sampling
        policy = packed.sessions[0].setup.decoder.end_tokens
        if policy in ("ban", "last"):
            logits = without_end_tokens(
                logits, before_last_block(packed) if policy == "last" else packed.everywhere, info.end_ids
            )
        tokens = requested_tokens(packed)
        flat = compute(packed.positions, logits, info, sampling, draws(packed), extras, top, tokens)
        if policy == "low":
            flat = with_low_end_tokens(flat, info.end_ids, info.vocab_size)
        return add_views(flat, output, info, packed.current)

    def _generation(self, session: Session) -> Generation:
        canvas = tuple(session.state.canvas.tolist())
        info = self.model.info
        content = content_tokens(canvas, info.end_ids)
        text = self.model.codec_for(session.prompt.sample).decode(answer_tokens(canvas, content, info))
        ledger = session.account.close(session.state.history)
        return Generation(session.prompt, canvas, text, content, ledger, session.seconds)


def answer_tokens(canvas: Sequence[int], content: int, info: ModelInfo) -> Sequence[int]:
    """The tokens of a canvas that form the answer (see `ModelInfo.reads`); its first `content` tokens precede any end token."""
    if info.reads == "first_end":
        return canvas[:content]
    special = {info.mask_id, info.pad_id, *info.end_ids}
    return [token for token in canvas if token not in special]


def _resume(packed: Packed, flat: Signals, kept: Sequence[Any]) -> None:
    """Charge the forward to each session, pass the session its signals, and compute its next request."""
    for session, row in zip(packed.sessions, packed.first, strict=True):
        session.record(kept[row] if kept else None)
    if packed.sessions[0].joint:
        _decide(packed, flat)
        for session in packed.sessions:
            session.advance(None)
    else:
        for session, signals in zip(packed.sessions, _cut(packed, flat), strict=True):
            session.advance(signals)


def _decide(packed: Packed, flat: Signals) -> None:
    """Let a ranking decoder decide for all these sessions at once."""
    sessions = packed.sessions
    decoder = sessions[0].setup.ranking
    assert decoder is not None
    states = States([session.state for session in sessions], packed.sizes)
    each = [] if decoder.elementwise else _cut(packed, flat)
    quotas = [session.quota for session in sessions]
    decoder.commit_best(flat, each, states, quotas)


def _cut(packed: Packed, flat: Signals) -> list[Any]:
    """Split the signals of a forward into those of each session."""
    found, offset = [], 0
    for session in packed.sessions:
        request, shape = session.pending, session.shape
        keys = slice(0 if request.prompt else session.before, session.length)
        found.append(cut(flat, offset, shape, request, session.positions, keys))
        offset += math.prod(shape)
    return found
