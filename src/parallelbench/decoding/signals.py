"""What a decoder requests from a forward (`ForwardRequest`) and what it receives (`Signals`): small vectors over positions.

They are computed in `compute_signals`. Neither this file nor a decoder's file imports torch when it is loaded, so that a
mistake in a decoder's options is reported at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.forward import AttentionQuery, Ints, Shadow

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.floating[Any]]
Role = Literal["denoise", "verify", "probe", "aux", "kv_store", "refresh"]
"""What a forward is for: to fill masks, to evaluate drafts, to test a token under other masks, to run the auxiliary model, to
cache the keys of a finished block, or to recompute cached keys."""
Extra = Literal["entropy", "margin", "logits"]
DRAW, TIE, RANK, ORDER = 0, 1, 2, 3  # independent streams of draws: tokens, tied tokens, random ranks, tied positions


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


def union(requests: Sequence[ForwardRequest]) -> tuple[frozenset[Extra], int]:
    """The extras and the number of most probable tokens that together serve all of these requests."""
    return frozenset[Extra]().union(*(r.extras for r in requests)), max((r.top for r in requests), default=0)
