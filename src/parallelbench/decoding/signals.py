"""What decoders ask for and what they get: small vectors over positions, made on the device, read on the host.

All vocabulary-sized arithmetic of decoding lives here, in float32 or in the logits' own float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parallelbench.models.base import Ints, ModelInfo

Floats = npt.NDArray[np.float32]
Role = Literal["denoise", "verify", "probe", "aux", "kv_store", "refresh"]
Extra = Literal["entropy", "margin", "logits"]
DRAW, TIE, RANK, ORDER = 0, 1, 2, 3  # lanes of a sample's draws: tokens, tied tokens, random ranks, tied positions


@dataclass(frozen=True, slots=True)
class Forward:
    """A request for one forward.

    Attributes:
        positions: canvas positions whose signals are wanted; None: the eligible ones.
        canvas: another canvas to look at, [W]; None: the sample's own. Several: see `branches`.
        branches: several canvases in one forward, [R, W]; signals then have a leading axis R.
        extras: signals beyond the candidate token and its confidence.
        top: how many of the most probable tokens to return.
        tokens: tokens whose probability is wanted, one for each position (`p_of`).
        role: what the forward is for, in the ledger.
    """

    positions: Ints | None = None
    canvas: Ints | None = None
    branches: Ints | None = None
    extras: frozenset[Extra] = frozenset()
    top: int = 0
    tokens: Ints | None = None
    role: Role = "denoise"


@dataclass(frozen=True, slots=True)
class Signals:
    """What a forward says about positions [N] (or [R, N] for branches).

    Attributes:
        positions: canvas positions, ascending, [N].
        token: the candidate: most probable token, or one drawn at the decoder's temperature; never the mask.
        confidence: the model's probability of the candidate (before temperature and top-p).
        entropy: of the distribution, in nats; margin: p(1st) - p(2nd).
        top_token, top_p: the most probable tokens and their probabilities, [N, top].
        p_of: the probability of the tokens asked for.
        logits: the raw logits on the device, [N, V].
    """

    positions: Ints
    token: Ints
    confidence: Floats
    entropy: Floats | None = None
    margin: Floats | None = None
    top_token: Ints | None = None
    top_p: Floats | None = None
    p_of: Floats | None = None
    logits: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a candidate is drawn. `ties` "random" breaks exact ties between tokens by a seeded draw, "first" by lowest id."""

    temperature: float = 0.0
    top_p: float = 1.0
    ties: Literal["first", "random"] = "first"

    @property
    def lanes(self) -> tuple[int, ...]:
        """The lanes of draws that are needed for each position."""
        return (DRAW,) if self.temperature > 0 else (TIE,) if self.ties == "random" else ()


@dataclass(frozen=True, slots=True)
class FlatSignals:
    """Signals of all rows of a forward, one entry for each asked position, on the host."""

    token: Ints
    confidence: Floats
    entropy: Floats | None
    margin: Floats | None
    top_token: Ints | None
    top_p: Floats | None
    p_of: Floats | None
    logits: Tensor | None

    def cut(self, start: int, shape: tuple[int, ...], positions: Ints) -> Signals:
        """Return the part that answers one request."""
        end = start + math.prod(shape)

        def part(values: Any) -> Any:
            if values is None:
                return None
            return values[start:end] if len(shape) == 1 else values[start:end].reshape(*shape, *values.shape[1:])

        return Signals(positions, *(part(getattr(self, name)) for name in _SIGNALS))


_SIGNALS = [one.name for one in fields(FlatSignals)]


def compute(
    logits: Tensor, info: ModelInfo, sampling: Sampling, uniform: npt.NDArray[np.float64] | None, extras: frozenset[Extra],
    top: int, tokens: Ints | None,
) -> FlatSignals:  # fmt: skip
    """Turn logits [N, V] into signals.

    `uniform` [N] are the draws that `sampling` needs. `tokens` [N] are the tokens of `p_of`, -1 where none is asked.
    """
    scores = logits if logits.dtype == torch.float64 else logits.float()
    scores = scores[:, : info.vocab_size].clone()
    scores[:, info.mask_id] = -torch.inf
    p = torch.softmax(scores, dim=-1).float()
    token = _candidate(scores, p, sampling, uniform)
    floats = [p.gather(1, token[:, None])[:, 0]]
    if "entropy" in extras:
        floats.append(_entropy(scores).float())
    if "margin" in extras:
        pair = p.topk(2, dim=-1).values
        floats.append(pair[:, 0] - pair[:, 1])
    if tokens is not None:
        asked = torch.from_numpy(np.maximum(tokens, 0)).to(p.device)
        floats.append(p.gather(1, asked[:, None])[:, 0])
    host = iter(torch.stack(floats).cpu().numpy())
    ranked = p.topk(min(top, p.shape[1]), dim=-1) if top else None
    return FlatSignals(
        token=token.cpu().numpy(),
        confidence=next(host),
        entropy=next(host) if "entropy" in extras else None,
        margin=next(host) if "margin" in extras else None,
        p_of=next(host) if tokens is not None else None,
        top_token=None if ranked is None else ranked.indices.cpu().numpy(),
        top_p=None if ranked is None else ranked.values.cpu().numpy(),
        logits=logits if "logits" in extras else None,
    )


def _candidate(scores: Tensor, p: Tensor, sampling: Sampling, uniform: npt.NDArray[np.float64] | None) -> Tensor:
    """Choose a token for each row: the best one, ties to the lowest id or at random, or a draw at a temperature."""
    if sampling.temperature > 0:
        return _drawn(scores, sampling, _on(uniform, p))
    best, token = p.max(dim=-1)  # the first of equals
    if sampling.ties == "first":
        return token
    count = (p == best[:, None]).cumsum(-1)
    chosen = (_on(uniform, p) * count[:, -1]).floor().long() + 1
    return torch.searchsorted(count, chosen[:, None]).squeeze(1)


def _entropy(scores: Tensor) -> Tensor:
    """- sum p ln p of each row, in nats; what has no probability adds nothing."""
    log_p = torch.log_softmax(scores, dim=-1)
    return -torch.where(log_p > -torch.inf, log_p.exp() * log_p, 0.0).sum(-1)


def _drawn(scores: Tensor, sampling: Sampling, uniform: Tensor) -> Tensor:
    """Draw by inverse distribution function from softmax(scores / temperature), cut to the top-p nucleus."""
    p = torch.softmax(scores.double() / sampling.temperature, dim=-1)
    if sampling.top_p < 1:
        ordered, ids = p.sort(dim=-1, descending=True, stable=True)
        outside = ordered.cumsum(-1) - ordered >= sampling.top_p
        p = p.masked_fill(outside.scatter(1, ids, outside), 0.0)
    distribution = p.cumsum(-1)
    return torch.searchsorted(distribution, (uniform * distribution[:, -1])[:, None], right=True).squeeze(1)


def _on(uniform: npt.NDArray[np.float64] | None, like: Tensor) -> Tensor:
    if uniform is None:
        raise ValueError("this sampling needs draws")
    return torch.from_numpy(uniform).to(like.device)


def union(requests: Sequence[Forward]) -> tuple[frozenset[Extra], int]:
    """The signals that serve every one of these requests."""
    return frozenset[Extra]().union(*(r.extras for r in requests)), max((r.top for r in requests), default=0)
