"""One forward of a denoiser as values: the rows that are fed, and what comes back for the positions that were asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from parallelbench.schema import Prompt

if TYPE_CHECKING:
    from torch import Tensor

Ints = npt.NDArray[np.int64]
Layers = Literal["all", "last30", "last_eighth"] | tuple[int, ...]
Shadow = Literal["separate", "shared"]
"""What a shadow mask sees of the other shadows in its row: none of them, or all of them (as in WINO's published code)."""


@dataclass(frozen=True, slots=True)
class AttentionQuery:
    """Layers whose attention is wanted: all, the last 30 % or eighth (rounded up), or these indices."""

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
    """What the rows of a forward see of earlier forwards, and what they leave behind.

    `positions` [R, L] are the places of the fed tokens in their whole rows. `past` holds for each row what an earlier forward
    kept of it, or is empty where no row has a past. `keep` names for each row the columns of `ids` whose keys and values are
    to be added to its past.
    """

    positions: Ints
    past: Sequence[Any]
    keep: Sequence[Ints]


@dataclass(frozen=True, slots=True)
class ForwardBatch:
    """Rows of one forward, right-padded to a common length L.

    `ids` [R, L] token ids; `lengths` [R] valid tokens of each row; `rows`, `columns` [N] name the positions whose logits
    are wanted, grouped by row; `prompts` [R] say whose row it is (models that know the answer's law read them).
    `attention` asks for attention maps, `shadow` for the view of a shadow mask of this kind at every asked position (see
    `ForwardOutput`);
    `cache` is None where whole rows are fed and nothing is kept. `noise` [R] is the noise level of each row for a model that
    is conditioned on one, NaN where none is asked for.
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
    """What a forward returns; the parts that were not asked for are None or empty.

    Attributes:
        logits: of the asked positions, [N, V].
        attention: from each asked position to every position of its whole row, float32, mean over heads and chosen layers,
            [N, C] with C at least the longest whole row.
        shadow: logits of a mask that stands in for the token at each asked position: it sees every other position of the row
            and not that token, [N, V]; where shadows are shared, it sees the row's other shadows as well.
        kept: for each row what `CacheRows.past` takes; opaque.
    """

    logits: Tensor
    attention: Tensor | None = None
    shadow: Tensor | None = None
    kept: Sequence[Any] = ()
