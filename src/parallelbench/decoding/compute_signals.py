"""Turns the logits of a forward into signals: the arithmetic over the vocabulary, on the device.

It is in float32 or, where the logits are float64, in float64. The signals have the same precision, so two positions tie only
if they tie in the precision of the logits. One exception: in the exact model, which is computed from the law of the right
answers, positions that are equal under the law differ by rounding of float64, which must not decide between them; its signals
are float32.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parallelbench.contracts.forward import ForwardOutput, Ints
from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.distributions import entropy, most_probable, probabilities, writable
from parallelbench.decoding.signals import Extra, ForwardRequest, Sampling, Signals
from parallelbench.sampling import draw, tempered

CHUNK_BYTES = 1 << 28
"""Size in bytes of one [rows, V] array of float64 while signals are computed; about six of them exist at once."""
_SIGNALS = [one.name for one in fields(Signals) if one.name != "positions"]


def compute(
    positions: Ints, logits: Tensor, info: ModelInfo, sampling: Sampling, uniform: npt.NDArray[np.float64] | None,
    extras: frozenset[Extra] = frozenset(), top: int = 0, tokens: Ints | None = None,
) -> Signals:  # fmt: skip
    """Turn the logits [N, V] of positions [N] into signals, in chunks of rows so that memory stays bounded (`CHUNK_BYTES`).

    The positions may be those of several requests, one after another. `uniform` [N] are the draws that `sampling` needs,
    `tokens` [N] the tokens of `p_of`, -1 where none is requested.
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
    return Signals(positions, **found, logits=logits if "logits" in extras else None)


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


def cut(flat: Signals, start: int, shape: tuple[int, ...], request: ForwardRequest, positions: Ints, keys: slice) -> Signals:
    """Return the signals of one request from those of all requests of a forward; what it did not request is None.

    `start` is its first entry, `shape` the shape of its signals, `keys` the columns of its row to return attention to.
    """
    end, wanted, best = start + math.prod(shape), request.signals, slice(request.top)
    within = {"attention": keys, "top_token": best, "top_p": best}

    def part(name: str) -> Any:
        values = getattr(flat, name)
        if values is None or name not in wanted:
            return None
        values = values[start:end] if len(shape) == 1 else values[start:end].reshape(*shape, *values.shape[1:])
        return values[..., within[name]] if name in within else values

    return Signals(positions, *(part(name) for name in _SIGNALS))


def add_views(flat: Signals, output: ForwardOutput, info: ModelInfo, current: Ints) -> Signals:
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
    tied = (p == best[:, None]).scatter_(1, token[:, None], True)
    row, tokens = tied.nonzero(as_tuple=True)  # few, where a running count over the vocabulary would be as large as p
    count = torch.bincount(row, minlength=len(p))
    chosen = (_on(uniform, p) * count).floor().long()
    return tokens[count.cumsum(0) - count + chosen]


def _on(uniform: npt.NDArray[np.float64] | None, like: Tensor) -> Tensor:
    if uniform is None:
        raise ValueError("this sampling needs draws")
    return torch.from_numpy(uniform).to(like.device)
