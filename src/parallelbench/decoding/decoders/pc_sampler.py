"""PC-Sampler: position and calibrated confidence (Huang et al., arXiv 2508.13021, equations 4 to 6).

Positions are ranked by

    exp(-lam i) min(-p(x0) ln f(x0), alpha),

i the place in the canvas, f the frequency of the candidate token x0 in a background corpus: early places first, and common
tokens (punctuation, articles, end of text), of which every model is sure, last. lam is .25 in the paper, 0 for Sudoku, .5 for
Countdown.

One forward a step; needs nothing of the model but its distribution. The paper commits one token a step (`k=1`). `table` names
counts made by `experiments.background`, which are smoothed by one; without it every token is equally frequent, and f only sets
the scale. (The ranking is done in logarithms, so that no canvas is too long.)
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, PrivateAttr

from parallelbench.decoding.decoders.classic import TopK
from parallelbench.decoding.signals import Signals
from parallelbench.decoding.state import State
from parallelbench.decoding.user_sources import hash_of
from parallelbench.errors import UserError, first_line

TINY = 1e-300
MAKE_ONE = "make one with parallelbench.training.background.write_background"


class PCSampler(TopK):
    """Early positions with confident, uncommon tokens first."""

    family: ClassVar[str] = "pc_sampler"
    lam: float = Field(0.25, ge=0, description="how strongly early positions are preferred")
    alpha: float = Field(10.0, gt=0, description="upper limit of the calibrated confidence")
    table: str | None = Field(None, description="JSON file of token counts; none: a uniform background")

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
        """A table is named by its file and by what it holds."""
        return {**super().parameters(), **({"table": f"{Path(self.table).name}@{self._hash}"} if self.table else {})}

    def score(self, signals: Signals, state: State) -> npt.ArrayLike:
        size = state.info.vocab_size
        surprise = math.log(size) if self.table is None else surprises(self.table, self._hash, size)[signals.token]
        calibrated = np.minimum(signals.confidence * surprise, self.alpha)
        return np.asarray(np.log(np.maximum(calibrated, TINY)) - self.lam * signals.positions)


def counts(path: str) -> dict[int, int]:
    """Read a table of token counts.

    Raises:
        UserError: there is no such file, or it holds no counts.
    """
    try:
        table = json.loads(Path(path).read_text(encoding="utf-8"))
        return {int(token): int(count) for token, count in table["counts"].items()}
    except OSError as error:
        raise UserError(f"the table of token counts {path} cannot be read ({error.strerror}); {MAKE_ONE}.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} holds no token counts ({first_line(error)}); {MAKE_ONE}.") from error


@cache
def surprises(path: str, held: str, size: int) -> npt.NDArray[np.float64]:
    """- ln f of every token under a table's counts, each plus one, [V]; `held` is the hash of what the table holds."""
    seen = np.ones(size)
    for token, count in counts(path).items():
        if not 0 <= token < size:
            raise UserError(f"{path} counts token {token}, but the model has {size} tokens; {MAKE_ONE} for this model.")
        seen[token] += count
    rare: npt.NDArray[np.float64] = -np.log(seen / seen.sum())
    return rare
