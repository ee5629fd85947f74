"""What a decoder requests from a forward (`ForwardRequest`) and what it receives (`Signals`): small vectors over positions.

Vocabulary-sized arithmetic (`distributions`) runs on the device, in float32 or, where the logits are float64, in float64. The
signals have the same precision, so two positions tie only if they tie in the precision of the logits. One exception: in the
exact model, which is computed from the law of the right answers, positions that are equal under the law differ by rounding of
float64, which must not decide between them; its signals are float32.
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
from parallelbench.decoding.distributions import entropy, most_probable, probabilities, writable
from parallelbench.sampling import draw, tempered

Floats = npt.NDArray[np.floating[Any]]
Role = Literal["denoise", "verify", "probe", "aux", "kv_store", "refresh"]
"""What a forward is for: to fill masks, to evaluate drafts, to test a token under other masks, to run the auxiliary model, to
cache the keys of a finished block, or to recompute cached keys."""
Extra = Literal["entropy", "margin", "logits"]
DRAW, TIE, RANK, ORDER = 0, 1, 2, 3  # independent streams of draws: tokens, tied tokens, random ranks, tied positions
CHUNK_BYTES = 1 << 28
"""Size in bytes of one [rows, V] array of float64 while signals are computed; about six of them exist at once."""


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """A request for one forward.

    Attributes:
        positions: canvas positions to return signals for, [N]; None: the eligible ones.
        canvas: the canvas to run the model on, [W], or its first columns; None: the current one. Several: see `branches`.
        branches: several canvases in one forward, [R, W]; signals then have a leading axis R.
        extras: signals beyond the candidate token and its confidence.
        top: how many of the most probable tokens to return.
        tokens: tokens to return the probability of (`p_of`), one for each requested position, also those of the prompt.
        role: what the forward is for, in the ledger; forwards of the auxiliary model are always charged as "aux".
        attention: layers to return attention maps of; needs a model that offers "attention".
        shadow: return the probability of the current token at each position, given all other tokens (`shadow_p`); needs a
            model that offers "shadow". With "shared" the shadow masks attend to each other, with "separate" not.
        model: which model to run; "aux" needs an auxiliary model with the same vocabulary.
        noise: the noise level of a score network; None: the level that the number of masks implies.
        prompt: return signals for the prompt as well. Its P positions are -P to -1 and come before the others in every
            signal; attention then has a column for each of them, before those of the canvas.
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
        """The names of the signals that it returns."""
        optional = {
            "top_token": self.top > 0, "top_p": self.top > 0, "p_of": self.tokens is not None,
            "attention": self.attention is not None, "shadow_p": self.shadow is not None,
        }  # fmt: skip
        return self.extras | {"token", "confidence"} | {name for name, requested in optional.items() if requested}


@dataclass(frozen=True, slots=True)
class Signals:
    """What a forward returns for positions [N] (or [R, N] for branches); what was not requested is None.

    Attributes:
        positions: canvas positions, ascending, [N].
        token: the candidate: most probable token, or one drawn at the decoder's temperature; never the mask.
        confidence: the model's probability of the candidate (before temperature and top-p).
        entropy: of the distribution, in nats; margin: p(1st) - p(2nd).
        top_token, top_p: the most probable tokens and their probabilities, [N, top].
        p_of: the probability of the requested tokens.
        logits: the raw logits on the device, [N, V].
        attention: mean over heads and chosen layers from each requested position to every canvas position, [N, W]; rows sum
            to less than 1, because attention to the prompt is left out. With `ForwardRequest.prompt` to every position of the
            prompt and the canvas, [N, P + W]; rows sum to 1.
        shadow_p: the probability of the current token at each requested position, from a mask at the same position that
            attends to every other position and not to that token, [N]; 0 where the current token is a mask.
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
        """The lanes of random draws that are needed, none or one; each has one number for each position."""
        return (DRAW,) if self.temperature > 0 else (TIE,) if self.ties == "random" else ()


@dataclass(frozen=True, slots=True)
class FlatSignals:
    """Signals of all rows of a forward, one entry for each requested position, on the host."""

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

    def cut(self, start: int, shape: tuple[int, ...], request: ForwardRequest, positions: Ints, keys: slice) -> Signals:
        """Return the signals of one request; those that only other requests of the forward need are None.

        `start` is its first entry, `shape` the shape of its signals, `keys` the columns of its row to return
        attention to.
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

    def joined(self, positions: Ints) -> Signals:
        """Return the signals of all requests, one after another, where all of them request the same."""
        return Signals(positions, *(getattr(self, name) for name in _SIGNALS))


_SIGNALS = [one.name for one in fields(FlatSignals)]


def compute(
    logits: Tensor, info: ModelInfo, sampling: Sampling, uniform: npt.NDArray[np.float64] | None, extras: frozenset[Extra],
    top: int, tokens: Ints | None,
) -> FlatSignals:  # fmt: skip
    """Turn logits [N, V] into signals, in chunks of rows so that memory stays bounded (`CHUNK_BYTES`).

    `uniform` [N] are the draws that `sampling` needs. `tokens` [N] are the tokens of `p_of`, -1 where none is requested.
    """
    size = max(1, CHUNK_BYTES // (8 * max(1, logits.shape[1])))
    parts = [
        _compute(
            logits[at : at + size], info, sampling, None if uniform is None else uniform[at : at + size], extras, top,
            None if tokens is None else tokens[at : at + size],
        )
        for at in range(0, max(1, len(logits)), size)
    ]  # fmt: skip
    found = parts[0] if len(parts) == 1 else {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return FlatSignals(**found, logits=logits if "logits" in extras else None)


def _compute(
    logits: Tensor, info: ModelInfo, sampling: Sampling, uniform: npt.NDArray[np.float64] | None, extras: frozenset[Extra],
    top: int, tokens: Ints | None,
) -> dict[str, npt.NDArray[Any]]:  # fmt: skip
    """The signals of one chunk by name, as `compute`."""
    scores = writable(logits, info)
    p = probabilities(scores, info)
    token = _candidate(scores, p, sampling, uniform)
    floats = {"confidence": p.gather(1, token[:, None])[:, 0]}
    if "entropy" in extras:
        floats["entropy"] = entropy(scores).to(p.dtype)
    if "margin" in extras:
        best = p.topk(2, dim=-1).values
        floats["margin"] = best[:, 0] - best[:, 1]
    if tokens is not None:
        floats["p_of"] = p.gather(1, torch.from_numpy(np.maximum(tokens, 0)).to(p.device)[:, None])[:, 0]
    found = dict(zip(floats, torch.stack(list(floats.values())).cpu().numpy(), strict=True))
    if top:
        found["top_token"], found["top_p"] = most_probable(p, min(top, p.shape[1]))
    return {"token": token.cpu().numpy(), **found}


def add_views(flat: FlatSignals, output: ForwardOutput, info: ModelInfo, current: Ints) -> FlatSignals:
    """Add attention and shadow probabilities; `current` [N] are the tokens at the requested positions."""
    attention = None if output.attention is None else output.attention.cpu().numpy()
    if output.shadow is None:
        return replace(flat, attention=attention)
    p = probabilities(writable(output.shadow, info), info)
    at = torch.from_numpy(current).to(p.device)
    return replace(flat, attention=attention, shadow_p=p.gather(1, at[:, None])[:, 0].cpu().numpy())


def to_vocabulary(logits: Tensor, known: int, size: int) -> Tensor:
    """Bring the logits of an auxiliary model of `known` tokens to a vocabulary of `size`; a token it lacks gets -inf."""
    logits = logits[:, : min(known, size)]
    return torch.nn.functional.pad(logits, (0, size - logits.shape[1]), value=-torch.inf)


def _candidate(scores: Tensor, p: Tensor, sampling: Sampling, uniform: npt.NDArray[np.float64] | None) -> Tensor:
    """Choose a token for each row: the best one, ties to the lowest id or at random, or a draw at a temperature."""
    if sampling.temperature > 0:
        return draw(tempered(scores, sampling.temperature, sampling.top_p), _on(uniform, p))
    best, token = p.max(dim=-1)  # max returns the first of equal values
    if sampling.ties == "first":
        return token
    count = (p == best[:, None]).cumsum(-1)
    chosen = (_on(uniform, p) * count[:, -1]).floor().long() + 1
    return torch.searchsorted(count, chosen[:, None]).squeeze(1)


def _on(uniform: npt.NDArray[np.float64] | None, like: Tensor) -> Tensor:
    if uniform is None:
        raise ValueError("this sampling needs draws")
    return torch.from_numpy(uniform).to(like.device)


def union(requests: Sequence[ForwardRequest]) -> tuple[frozenset[Extra], int]:
    """The extras and the number of most probable tokens that together serve all of these requests."""
    return frozenset[Extra]().union(*(r.extras for r in requests)), max((r.top for r in requests), default=0)
