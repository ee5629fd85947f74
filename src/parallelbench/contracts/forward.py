"""One forward of a denoiser as values: the rows that the model reads, and what it returns for the requested positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from parallelbench.schema import Prompt

if TYPE_CHECKING:
    from torch import Tensor

Ints = npt.NDArray[np.int64]
Layers = Literal["all", "last30", "last_eighth"] | tuple[int, ...]
Shadow = Literal["separate", "shared"]
"""What a shadow mask attends to of the other shadow masks in its row: none of them, or all of them (WINO's published code)."""
LENGTH_MULTIPLE = 16


@lru_cache(4096)
def padded_length(length: int) -> int:
    """The length to which a row, its cached keys or its shadow masks are padded: a property of that row alone.

    A multiple of 16 up to 128, above of an eighth of the next power of two: few lengths, so that rows share forwards, and
    less than a quarter of padding.
    """
    multiple = max(LENGTH_MULTIPLE, 1 << max(0, (length - 1).bit_length() - 3))
    return -(-length // multiple) * multiple


@dataclass(frozen=True, slots=True)
class AttentionQuery:
    """The layers to return attention maps of: all, the last 30 % or the last eighth (rounded up), or these indices."""

    layers: Layers = "last30"

    def chosen(self, count: int) -> tuple[int, ...]:
        """The indices of these layers in a model of `count` layers."""
        if self.layers == "all":
            return tuple(range(count))
        if self.layers == "last30":
            return tuple(range(count - -(-3 * count // 10), count))
        if self.layers == "last_eighth":
            return tuple(range(count - -(-count // 8), count))
        return tuple(self.layers)


@dataclass(frozen=True, slots=True)
class CacheRows:
    """The keys and values of earlier forwards that the rows of this forward attend to, and those to keep from it.

    Attributes:
        positions: the position of each column of `ids` in its whole row, [R, L].
        past: for each row what an earlier forward returned as `ForwardOutput.kept`; empty where no row has any. The numbers
            of cached tokens of all rows have the same `padded_length`.
        keep: for each row the columns of `ids` whose keys and values are to be added to its past.
    """

    positions: Ints
    past: Sequence[Any]
    keep: Sequence[Ints]


@dataclass(frozen=True, slots=True)
class ForwardBatch:
    """Rows of one forward, right-padded to a common length L.

    Attributes:
        ids: token ids, [R, L].
        lengths: valid tokens of each row, [R].
        rows, columns: the positions to return logits for, [N], grouped by row.
        prompts: the prompt of each row, [R] (a model that is computed from the law of the right answers reads its sample).
        attention: the layers to return attention maps of, or None.
        shadow: return the view of a shadow mask of this kind at every requested position (see `ForwardOutput`), or None.
        cache: None where whole rows are computed and nothing is kept.
        noise: the noise level of each row for a score network, [R], NaN where the masks of the row imply it; or None.
    """

    ids: Ints
    lengths: Ints
    rows: Ints
    columns: Ints
    prompts: Sequence[Prompt]
    attention: AttentionQuery | None = None
    shadow: Shadow | None = None
    cache: CacheRows | None = None
    noise: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class ForwardOutput:
    """What a forward returns; the parts that were not requested are None or empty.

    Attributes:
        logits: of the requested positions, [N, V].
        attention: from each requested position to every position of its whole row, float32, mean over heads and chosen
            layers, [N, C] with C at least the longest whole row.
        shadow: logits of a shadow mask: an additional mask at a requested position that attends to every other position of
            the row and not to the token there, [N, V]; where shadow masks are "shared", also to the other shadow masks of the
            row. No token of the row attends to it.
        kept: for each row what `CacheRows.past` takes; only the model reads it.
    """

    logits: Tensor
    attention: Tensor | None = None
    shadow: Tensor | None = None
    kept: Sequence[Any] = ()
