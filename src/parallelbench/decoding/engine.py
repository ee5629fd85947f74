"""The engine: every forward of every decoder passes here.

Continuous batching: each sample is a coroutine (`Session`) that yields requests; requests of the same kind and padded length
share a forward (`packing`); a finished sample leaves at once and the next takes its slot. A row's arithmetic does not depend on
its neighbours, so a sample's tokens and ledger are the same in any batch and any order (fp32 on CPU: to the bit).
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence

import torch

from parallelbench.contracts.denoiser import Denoiser
from parallelbench.contracts.forward import ForwardOutput
from parallelbench.decoding.decoder import Decoder
from parallelbench.decoding.load import check_auxiliary, check_cache
from parallelbench.decoding.packing import Packed, asked_tokens, draws, groups, pack
from parallelbench.decoding.session import Infos, Session
from parallelbench.decoding.signals import FlatSignals, add_views, compute, fit, union
from parallelbench.errors import UserError
from parallelbench.metrics.speed import content_tokens
from parallelbench.schema import CacheKind, Generation, Prompt


class Engine:
    """Runs a decoder on a denoiser.

    Args:
        model: the denoiser.
        batch_size: samples in flight at once; halved where a forward does not fit into memory.
        aux: a model with the same vocabulary, for decoders that ask one (`ForwardRequest.model`).
        cache: which keys and values outlive a forward (`decoding.cache`).

    Raises:
        UserError: the auxiliary model has another vocabulary, or the model cannot keep such a cache.
    """

    def __init__(self, model: Denoiser, batch_size: int = 64, aux: Denoiser | None = None, cache: CacheKind = "none") -> None:
        check_cache(model.info, cache)
        if aux is not None:
            check_auxiliary(model, aux)
        self.model = model
        self.batch_size = batch_size
        self.aux = None if aux is None else aux.auxiliary()
        self.cache = cache
        self._infos: Infos = {"main": model.info} if self.aux is None else {"main": model.info, "aux": self.aux.info}

    def generate(self, prompts: Iterable[Prompt], decoder: Decoder, seed: int = 0) -> Iterator[Generation]:
        """Decode prompts and yield each generation as it finishes, in no particular order.

        Everything random follows from (seed, sample, forward, position).

        Raises:
            UserError: a forward of a single sample does not fit into memory.
        """
        waiting = iter(prompts)
        active: list[Session] = []
        while True:
            while len(active) < self.batch_size and (prompt := next(waiting, None)) is not None:
                active.append(Session(prompt, decoder, self._infos, seed, self.cache))
            if not active:
                return
            for group in groups(session for session in active if not session.done):
                self._serve(group)
            yield from (self._generation(session) for session in active if session.done)
            active = [session for session in active if not session.done]

    def warm_up(self, prompt: Prompt, decoder: Decoder, seed: int = 0) -> None:
        """Make one forward that no account counts, because a model's first takes longer than all others."""
        session = Session(prompt, decoder, self._infos, seed, self.cache)
        if not session.done:
            self._attempt([session])

    def _serve(self, sessions: Sequence[Session]) -> None:
        """Answer one request of each of these sessions, as many in one forward as memory allows."""
        while sessions:
            part = sessions[: self.batch_size]
            start = time.perf_counter()
            found = self._attempt(part)
            if found is None:
                self._halve(part)
                continue
            _resume(part, *found)
            share = (time.perf_counter() - start) / len(part)
            for session in part:
                session.seconds += share
            sessions = sessions[len(part) :]

    def _attempt(self, sessions: Sequence[Session]) -> tuple[Packed, FlatSignals, Sequence[object]] | None:
        """Run one forward and make its signals; None where memory does not suffice."""
        packed = pack(sessions, self._asked(sessions).info.pad_id)
        try:
            with torch.inference_mode():
                answer = self._asked(sessions).forward(packed.batch)
                return packed, self._signals(packed, answer), answer.kept
        except torch.OutOfMemoryError:
            return None

    def _halve(self, sessions: Sequence[Session]) -> None:
        """Make later batches half as large as the one that did not fit.

        Raises:
            UserError: it was a single sample.
        """
        if len(sessions) == 1:
            raise UserError(
                f"{sessions[0].prompt.sample.id} does not fit into the memory of {self.model.info.device} by itself; use a "
                "smaller max_new_tokens, fewer shots, dtype=bfloat16 or another device."
            )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.batch_size = len(sessions) // 2
        print(f"note: out of memory with {len(sessions)} samples, going on with {self.batch_size} at once", file=sys.stderr)

    def _asked(self, sessions: Sequence[Session]) -> Denoiser:
        """The model that these sessions ask."""
        return self.model if self.aux is None or sessions[0].pending.model == "main" else self.aux

    def _signals(self, packed: Packed, answer: ForwardOutput) -> FlatSignals:
        extras, top = union([session.pending for session in packed.sessions])
        info, asked = self.model.info, self._asked(packed.sessions)
        logits = answer.logits if asked is self.model else fit(answer.logits, asked.info.vocab_size, info.vocab_size)
        sampling = packed.sessions[0].sampling
        flat = compute(logits, info, sampling, draws(packed), extras, top, asked_tokens(packed))
        return add_views(flat, answer, info, packed.standing)

    def _generation(self, session: Session) -> Generation:
        canvas = tuple(session.state.canvas.tolist())
        info = self.model.info
        content = content_tokens(canvas, info.end_ids)
        text = self.model.codec_for(session.prompt.sample).decode(canvas[:content])
        ledger = session.account.close(session.state.history)
        return Generation(session.prompt, canvas, text, content, ledger, session.seconds)


def _resume(sessions: Sequence[Session], packed: Packed, signals: FlatSignals, kept: Sequence[object]) -> None:
    """Hand each session its part of a forward."""
    offset = 0
    for session, row in zip(sessions, packed.first, strict=False):
        request, shape = session.pending, session.shape
        keys = slice(0 if request.prompt else len(session.prompt.ids), session.length)
        session.resume(signals.cut(offset, shape, request, session.positions, keys), kept[row] if kept else None)
        offset += math.prod(shape)
