"""What decoders ask for and what they get: small vectors over positions, made on the device, read on the host.

All vocabulary-sized arithmetic of decoding lives here, in float32 or in the logits' own float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parallelbench.contracts.forward import AttentionQuery, ForwardOutput, Ints, Shadow
from parallelbench.contracts.info import ModelInfo

Floats = npt.NDArray[np.float32]
Role = Literal["denoise", "verify", "probe", "aux", "kv_store", "refresh"]
Extra = Literal["entropy", "margin", "logits"]
DRAW, TIE, RANK, ORDER = 0, 1, 2, 3  # lanes of a sample's draws: tokens, tied tokens, random ranks, tied positions


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """A request for one forward.

    Attributes:
        positions: canvas positions whose signals are wanted; None: the eligible ones.
        canvas: another canvas to look at, [W]; None: the sample's own. Several: see `branches`.
        branches: several canvases in one forward, [R, W]; signals then have a leading axis R.
        extras: signals beyond the candidate token and its confidence.
        top: how many of the most probable tokens to return.
        tokens: tokens whose probability is wanted, one for each position, those of the prompt included (`p_of`).
        role: what the forward is for, in the ledger; forwards of the auxiliary model are always charged as "aux".
        attention: layers whose attention is wanted; needs a model that offers "attention".
        shadow: the probability of the token at each of the positions, given all other tokens (`shadow_p`); needs a model that
            offers "shadow". "shared" lets the shadow masks see each other, "separate" does not.
        model: which model is asked; "aux" needs an auxiliary model with the same vocabulary.
        noise: the noise level at which a score network is asked; None: what the masks of the canvas say.
        prompt: True where signals are wanted of the prompt as well. Its P positions are -P to -1 and come before the others
            in every signal; attention then has a column for each of them, before those of the canvas.
    """

    positions: Ints | None = None
    canvas: Ints | None = None
    branches: Ints | None = None
    extras: frozenset[Extra] = frozenset()
    top: int = 0
    tokens: Ints | None = None
    role: Role = "denoise"
    attention: AttentionQuery | None = None
    shadow: Shadow | None = None
    model: Literal["main", "aux"] = "main"
    noise: float | None = None
    prompt: bool = False

    @property
    def signals(self) -> frozenset[str]:
        """The names of the signals that answer it."""
        named = {
            "top_token": self.top > 0, "top_p": self.top > 0, "p_of": self.tokens is not None,
            "attention": self.attention is not None, "shadow_p": self.shadow is not None,
        }  # fmt: skip
        return self.extras | {"token", "confidence"} | {name for name, asked in named.items() if asked}


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
        attention: mean over heads and chosen layers from each requested position to every canvas position, [N, W]; rows sum
            to less than 1, because attention to the prompt is left out. With `ForwardRequest.prompt` to every position of the
            prompt and the canvas, [N, P + W]; rows sum to 1.
        shadow_p: the probability of the token that stands at each asked position, seen from a mask at the same place that
            sees every other position and not that token, [N]; 0 where a mask stands.
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
    attention: Floats | None = None
    shadow_p: Floats | None = None


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
    attention: Floats | None = None
    shadow_p: Floats | None = None

    def cut(self, start: int, shape: tuple[int, ...], request: ForwardRequest, positions: Ints, keys: slice) -> Signals:
        """Return the signals of one request, and none that only other requests of its forward want.

        `keys` are the columns of its row to which attention is wanted.
        """
        end, wanted, best = start + math.prod(shape), request.signals, slice(request.top)
        within = {"attention": keys, "top_token": best, "top_p": best}

        def part(name: str) -> Any:
            values = getattr(self, name)
            if values is None or name not in wanted:
                return None
            values = values[start:end] if len(shape) == 1 else values[start:end].reshape(*shape, *values.shape[1:])
            return values[..., within[name]] if name in within else values

        return Signals(positions, *(part(name) for name in _SIGNALS))


_SIGNALS = [one.name for one in fields(FlatSignals)]


def compute(
    logits: Tensor, info: ModelInfo, sampling: Sampling, uniform: npt.NDArray[np.float64] | None, extras: frozenset[Extra],
    top: int, tokens: Ints | None,
) -> FlatSignals:  # fmt: skip
    """Turn logits [N, V] into signals.

    `uniform` [N] are the draws that `sampling` needs. `tokens` [N] are the tokens of `p_of`, -1 where none is asked.
    """
    scores = writable(logits, info)
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
    top_token, top_p = _most_probable(p, min(top, p.shape[1])) if top else (None, None)
    return FlatSignals(
        token=token.cpu().numpy(),
        confidence=next(host),
        entropy=next(host) if "entropy" in extras else None,
        margin=next(host) if "margin" in extras else None,
        p_of=next(host) if tokens is not None else None,
        top_token=top_token,
        top_p=top_p,
        logits=logits if "logits" in extras else None,
    )


def add_views(flat: FlatSignals, answer: ForwardOutput, info: ModelInfo, standing: Ints) -> FlatSignals:
    """Add what a forward saw beyond its logits; `standing` [N] are the tokens at the asked positions."""
    attention = None if answer.attention is None else answer.attention.cpu().numpy()
    if answer.shadow is None:
        return replace(flat, attention=attention)
    p = torch.softmax(writable(answer.shadow, info), dim=-1).float()
    at = torch.from_numpy(standing).to(p.device)
    return replace(flat, attention=attention, shadow_p=p.gather(1, at[:, None])[:, 0].cpu().numpy())


def fit(logits: Tensor, own: int, size: int) -> Tensor:
    """Bring the logits of an auxiliary model with `own` tokens to a vocabulary of `size`; what it lacks has no probability."""
    logits = logits[:, : min(own, size)]
    return torch.nn.functional.pad(logits, (0, size - logits.shape[1]), value=-torch.inf)


def writable(logits: Tensor, info: ModelInfo) -> Tensor:
    """Return the logits [N, vocab_size] of what may be written, in float32 or the logits' own float64; the mask has -inf."""
    scores = logits if logits.dtype == torch.float64 else logits.float()
    scores = scores[:, : info.vocab_size].clone()
    scores[:, info.mask_id] = -torch.inf
    return scores


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


def _most_probable(p: Tensor, top: int) -> tuple[Ints, Floats]:
    """The `top` tokens of each row [N, V] that are most probable, and how probable; of equals the lowest ids, ascending."""
    values, ids = p.topk(top, dim=-1)
    ids, order = ids.sort(dim=-1)
    values, order = values.gather(1, order).sort(dim=-1, descending=True, stable=True)
    ids = ids.gather(1, order)
    last = values[:, -1:]
    split = ((p == last).sum(1) > (values == last).sum(1)) & (last[:, 0] > 0)  # equals of the last one were left out
    if split.any():
        ids[split] = p[split].sort(dim=-1, descending=True, stable=True).indices[:, :top]
    return ids.cpu().numpy(), values.cpu().numpy()


def _entropy(scores: Tensor) -> Tensor:
    """- sum p ln p of each row, in nats; what has no probability adds nothing."""
    log_p = torch.log_softmax(scores, dim=-1)
    return -torch.where(log_p > -torch.inf, log_p.exp() * log_p, 0.0).sum(-1)


def _drawn(scores: Tensor, sampling: Sampling, uniform: Tensor) -> Tensor:
    """Draw by inverse distribution function from softmax(scores / temperature), cut to the top-p nucleus."""
    wide = scores.double()
    p = torch.softmax((wide - wide.max(dim=-1, keepdim=True).values) / sampling.temperature, dim=-1)  # never inf / T
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


def union(requests: Sequence[ForwardRequest]) -> tuple[frozenset[Extra], int]:
    """The signals that serve every one of these requests."""
    return frozenset[Extra]().union(*(r.extras for r in requests)), max((r.top for r in requests), default=0)
