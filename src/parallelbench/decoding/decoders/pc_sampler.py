"""PC-Sampler: position and calibrated confidence (Huang et al., arXiv 2508.13021, equations 4 to 6).

The masks of the window are ranked by

    exp(-lam i) min(-p(x0) ln f(x0), alpha),

where i is the position in the canvas and f(x0) the frequency of the candidate token x0 in a background corpus. So early
positions come first, and common tokens (punctuation, articles, the end of the text), of which every model is confident, last.
The ranking is done in logarithms, so that no canvas is too long.

Parameters: lam (default 0.25, the authors' value; 0 for Sudoku, 0.5 for Countdown), alpha (default 10, the authors' value), k
(default 1, as in the paper) or steps, table (a file of token counts, made by `parallelbench.training.background`). One forward
a step; needs only the model's distribution.

f(x) = (n(x) + 1) / (N + V) for a token counted n(x) times among N, with a vocabulary of V tokens. In the authors' code f(x) =
n(x) / N, and 1 / N for a token that was not counted: compat="authors". Without a table every token is equally frequent, so the
ranking is exp(-lam i) p(x0). alpha does not apply then: it would cut off every p(x0) > alpha / ln V, which is 0.85 for the
vocabulary of LLaDA, and order those positions from left to right.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from parallelbench.decoding.decoders.classic import TopK
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State
from parallelbench.decoding.user_sources import hash_of
from parallelbench.errors import UserError
from parallelbench.files import read_text

TINY = 1e-300
MAKE_ONE = "make one with parallelbench.training.background.write_background"


class PCSampler(TopK):
    """Early positions with confident, uncommon tokens first."""

    family: ClassVar[str] = "pc_sampler"
    published: ClassVar[Published] = Published(
        state="ours",
        code="NEUIR/PC-Sampler",
        defaults="the authors' scripts",
        difference="token counts are smoothed by one; without a table the confidence is not cut off at alpha",
    )
    lam: float = Field(0.25, ge=0, description="how strongly early positions are preferred")
    alpha: float = Field(10.0, gt=0, description="upper limit of the calibrated confidence")
    table: str | None = Field(None, description="JSON file of token counts; none: all tokens are equally frequent")
    compat: Literal["authors"] | None = Field(None, description="authors: counts are not smoothed")

    _hash: str = PrivateAttr("")

    def model_post_init(self, context: Any) -> None:
        """Read the table.

        Raises:
            UserError: it cannot be read.
        """
        if self.table is not None:
            counts(self.table)
            self._hash = hash_of(Path(self.table))

    def parameters(self) -> dict[str, Any]:
        """The parameters by which results name it; a table is named by its file and a hash of the file's content."""
        return {**super().parameters(), **({"table": f"{Path(self.table).name}@{self._hash}"} if self.table else {})}

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        calibrated = signals.confidence.astype(np.float64)
        if self.table is not None:
            smooth = self.compat is None
            rare = surprises(self.table, self._hash, state.info.vocab_size, smooth)[signals.token]
            calibrated = np.minimum(calibrated * rare, self.alpha)
        return np.asarray(np.log(np.maximum(calibrated, TINY)) - self.lam * signals.positions)


class Table(BaseModel):
    """What a file of token counts holds, as far as it is read."""

    counts: dict[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0, le=10**15)]] = Field(min_length=1)


def counts(path: str) -> dict[int, int]:
    """Read a table of token counts.

    Raises:
        UserError: there is no such file, or it holds no counts.
    """
    text = read_text(Path(path), MAKE_ONE)
    try:
        found = Table.model_validate_json(text).counts
    except ValidationError as error:
        raise UserError(f"{path} holds no table of token counts ({error.errors()[0]['msg']}); {MAKE_ONE}.") from error
    if not any(found.values()):
        raise UserError(f"{path} counts no token at all; {MAKE_ONE}.")
    return found


@cache
def surprises(path: str, held: str, size: int, smooth: bool = True) -> npt.NDArray[np.float64]:
    """-ln f of every token, [V]; `held` is the hash of the file's content, `smooth` adds one to every count.

    Raises:
        UserError: the file counts a token that the vocabulary of `size` tokens lacks.
    """
    seen = np.zeros(size)
    for token, count in counts(path).items():
        if not 0 <= token < size:
            raise UserError(f"{path} counts token {token}, but the model has {size} tokens; {MAKE_ONE} for this model.")
        seen[token] += count
    total = seen.sum()
    f = (seen + 1) / (total + size) if smooth else np.maximum(seen, 1) / total
    rare: npt.NDArray[np.float64] = -np.log(f)
    return rare
