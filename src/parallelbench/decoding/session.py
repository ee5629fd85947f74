"""One sample that is being decoded: its prompt, state, decoder and account, and the limits that apply to every decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from parallelbench.contracts.forward import Ints, padded_length
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.caches.base import Cache, CacheQuery, InputSpan, whole_row
from parallelbench.decoding.decoder import Decoder, RankingDecoder, Run
from parallelbench.decoding.ledger import Account, Cost, cost_of
from parallelbench.decoding.quota import Quota
from parallelbench.decoding.signals import ForwardRequest, Role, Sampling, Signals
from parallelbench.decoding.state import DecoderFault, State
from parallelbench.rng import Draws
from parallelbench.schema import Prompt

ModelName = Literal["main", "aux"]


@dataclass(slots=True)
class Setup:
    """Values that are the same for all samples of one `Engine.generate` call, computed once.

    `ranking` is the decoder if the engine decides for all samples of a forward at once (`RankingDecoder.batched`), else None.
    """

    decoder: Decoder
    infos: Mapping[ModelName, ModelInfo]
    seed: int
    cache: Cache
    ranking: RankingDecoder | None = field(init=False)
    request: ForwardRequest = field(init=False)
    sampling: Sampling = field(init=False)
    _costs: dict[tuple[Any, ...], Cost] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        decoder = self.decoder
        self.ranking = decoder if isinstance(decoder, RankingDecoder) and decoder.batched else None
        self.request = ForwardRequest(extras=self.ranking.extras) if self.ranking is not None else ForwardRequest()
        self.sampling = decoder.sampling

    def cost(self, request: ForwardRequest, span: InputSpan, rows: int, positions: int) -> Cost:
        """The cost of one forward of one sample (`ledger.cost_of`)."""
        shadows, shared = positions if request.shadow else 0, request.shadow == "shared"
        key = (request.model, span.start, span.end, span.cached, rows, positions, shadows, shared)
        if key not in self._costs:
            self._costs[key] = cost_of(self.infos[request.model], span, rows, rows * positions, shadows, shared)
        return self._costs[key]


class Session:
    """Advances one sample from request to request.

    Limits: once `decoder.max_forwards(width)` forwards have run, one last forward commits all remaining masks and the sample
    is flagged "capped". A decoder that returns while masks are left is completed in the same way and flagged "unfinished".

    Attributes:
        request: the pending request, which the next forward runs; None once the sample is done.
        ranked: True if the engine applies the decoder's rule to many samples at once, so that `decoder.run` is not used.
        joint: True if the signals of the pending request are handled in that way.
        row: prompt and canvas, padded with `pad_id`, [padded length]; `state.canvas` is a view of a part of it.
        rows: token ids of the pending request, prompt and canvas without padding, [R, length].
        positions: canvas positions that the request returns signals for, [N]; positions of the prompt are negative.
        span: the columns of `rows` that the forward computes.
        plain: True if the forward reads `row` unchanged, padding included.
        kind: requests of equal kind can run in the same forward.
    """

    __slots__ = (
        "_after_repeat", "_cache", "_run", "account", "before", "joint", "kind", "length", "limit", "plain", "positions",
        "prompt", "quota", "ranked", "request", "row", "rows", "seconds", "setup", "span", "state",
    )  # fmt: skip
    rows: Ints
    positions: Ints
    span: InputSpan
    plain: bool
    kind: tuple[Any, ...]
    quota: Quota
    _run: Run

    def __init__(self, prompt: Prompt, setup: Setup) -> None:
        sample, info, decoder = prompt.sample, setup.infos["main"], setup.decoder
        self.prompt = prompt
        self.setup = setup
        self.before = len(prompt.ids)
        self.length = self.before + len(prompt.canvas)
        padding = (info.pad_id,) * (padded_length(self.length) - self.length)
        self.row = np.array((*prompt.ids, *prompt.canvas, *padding), dtype=np.int64)
        draws = Draws(setup.seed, sample.task, sample.version, sample.seed, sample.index)
        canvas = self.row[self.before : self.length]
        self.state = State(canvas, prompt.ids, info, draws, decoder.block or info.block)
        self.account = Account()
        self.seconds = 0.0
        self.limit = decoder.max_forwards(len(prompt.canvas))
        self.request: ForwardRequest | None = None
        self.ranked = setup.ranking is not None
        self.joint = False
        self._cache = setup.cache.start(info)
        self._after_repeat: tuple[ForwardRequest | None] | None = None
        if setup.ranking is not None:
            self.quota = setup.ranking.quota()
        else:
            self._run = decoder.run(self.state)
        self.advance(None)

    @property
    def done(self) -> bool:
        """True when no forward is needed any more."""
        return self.request is None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the pending request's signals: (positions,), or (branches, positions)."""
        size = len(self.positions)
        return (size,) if self.pending.branches is None else (len(self.rows), size)

    @property
    def pending(self) -> ForwardRequest:
        """The pending request; raises `DecoderFault` where the sample is done."""
        if self.request is None:
            raise DecoderFault("this sample is done; it has no request")
        return self.request

    def record(self, kept: Any) -> None:
        """Charge the forward that ran the pending request, and store in the cache the keys and values that the model kept."""
        request = self.pending
        cost = self.setup.cost(request, self.span, len(self.rows), len(self.positions))
        role: Role = "aux" if request.model == "aux" else self.span.role or request.role
        self.account.charge(role, cost)
        if self._cache is not None and request.model == "main":
            self._cache.store(self.span, self.rows, kept)
        self.state.history.append([])

    def advance(self, signals: Signals | None) -> None:
        """Set the next request. `signals` are sent to the decoder's generator; None starts it."""
        if self.joint and self._cache is None:
            self._advance_ranked()
            return
        if self._after_repeat is not None:
            (self.request,), self._after_repeat = self._after_repeat, None
        elif self.ranked:
            self.request = None if self.state.done else self.setup.request
        else:
            self._resume(signals)
        if self.request is not None and len(self.state.history) >= self.limit and not self.account.flags:
            self._finish("capped")
        repeated = None if self._cache is None else self._cache.repeats(self._columns(self.state.window))
        if repeated is not None:
            self._after_repeat = (self.request,)
            positions = np.arange(*repeated) - self.before
            self._prepare(ForwardRequest(positions=positions[positions >= 0]), repeated)
        elif self.request is not None:
            self._prepare(self.request, None)

    def _advance_ranked(self) -> None:
        """Set the positions of a ranking decoder's request: without a cache nothing else of it changes from step to step."""
        self.positions = self.state.eligible
        if not len(self.positions):
            self.request = None
        elif len(self.state.history) >= self.limit:
            self._finish("capped")
            self._prepare(self.pending, None)

    def _resume(self, signals: Signals | None) -> None:
        try:
            self.request = next(self._run) if signals is None else self._run.send(signals)
        except StopIteration:
            self.request = None
            if not self.state.done:
                self._finish("unfinished")

    def _prepare(self, request: ForwardRequest, window: tuple[int, int] | None) -> None:
        """Set rows, positions, span and kind of a request.

        `window` is the block that the cache takes as the one being filled, in columns; None: `state.window`.
        """
        self.request = request
        if request.model not in self.setup.infos:
            raise DecoderFault("the decoder requests the auxiliary model, but there is none")
        is_canvas = request.canvas is None and request.branches is None
        self.rows = self.row[None, : self.length] if is_canvas else self._rows(request)
        self.positions = self.state.eligible if request.positions is None else self._checked(request.positions)
        if request.prompt:
            self.positions = np.concatenate([np.arange(-self.before, 0), self.positions])
        if self._cache is None or request.model != "main":
            self.span = whole_row(self.rows.shape[1])
        else:
            columns = np.maximum(self.before + self.positions - self.setup.infos["main"].shift, 0)
            window = window or self._columns(self.state.window)
            self.span = self._cache.plan(CacheQuery(self.rows, columns, window, is_canvas))
        shadows = padded_length(len(self.positions)) if request.shadow else None
        lengths = padded_length(self.span.end - self.span.start), padded_length(self.span.cached), shadows
        self.plain = is_canvas and request.model == "main" and self.span.start == 0 and self.span.end == self.length
        self.joint = self.ranked and self._after_repeat is None
        self.kind = (request.model, *lengths, request.attention, request.shadow, len(self.span.keep) > 0, self.joint)

    def _rows(self, request: ForwardRequest) -> Ints:
        """The whole rows of another canvas or of several branches, [R, length]."""
        canvases = request.branches if request.branches is not None else np.asarray(request.canvas)[None, :]
        prompt = np.broadcast_to(self.row[: self.before], (len(canvases), self.before))
        return np.concatenate([prompt, canvases], axis=1)

    def _columns(self, window: tuple[int, int]) -> tuple[int, int]:
        """The columns of canvas positions (start, end) in the whole row."""
        return self.before + window[0], self.before + window[1]

    def _checked(self, positions: Ints) -> Ints:
        """The canvas positions that a request names.

        Raises:
            DecoderFault: one is outside the canvas.
        """
        outside = [int(at) for at in positions if not 0 <= at < len(self.state.canvas)]
        if outside:
            raise DecoderFault(f"position {outside[0]} of the request is outside the canvas of {len(self.state.canvas)}")
        return positions

    def _finish(self, flag: str) -> None:
        """Replace the decoder by one last forward that commits all remaining masks."""
        self.account.flags.append(flag)
        self.ranked = False
        self._run = _commit_rest(self.state)
        self.request = next(self._run, None)


def _commit_rest(state: State) -> Run:
    """Commit the candidate of every remaining mask, in one forward."""
    left = np.flatnonzero(state.masked)
    if left.size:
        signals = yield ForwardRequest(positions=left)
        state.write(signals.positions, signals.token, signals.confidence)
