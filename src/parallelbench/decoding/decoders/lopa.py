"""LoPA: look-ahead parallel decoding (Xu et al., arXiv 2512.16229).

The anchor is the canvas after the threshold rule: every candidate with c >= gamma is committed, and at least the most
confident one. Branch 0 is the anchor; branch j is the anchor with the j-th best of the remaining candidates as well. All
branches share one forward. A branch scores C = the mean of c over the masks of the window that it leaves open, or 0 if it
leaves none. The branch with the highest C is kept (of equals the lowest j), and the next anchor is made from its part of that
forward.

Options of the authors' code, all unset by default:

* order=entropy: sum p ln p in place of c ranks the remaining candidates and scores branches, but is not compared with gamma;
* lowest=t: the mean is over the int(t n) lowest of the n values, at least one;
* created=a: branch j scores a c_j + (1 - a) C, where c_j is the value of the candidate that it added, and 1 for branch 0.

Parameters: gamma (default 0.9), branches k (default 3; the authors' scripts use 1 to 3 beside the anchor, the paper up to 15).
Cost: one forward a step with k + 1 rows. Needs only the model's distribution. Branches stay within one block; where the kept
branch fills it, the same forward begins the next block.

The paper does not say what a branch without open masks scores. In the authors' code it is 1.0, so that a branch that fills the
block always wins, and the comparison is c > gamma: compat="authors" does both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.decoders.speculation import ahead
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import Extra, Floats, ForwardRequest, Signals
from parallelbench.decoding.state import State


class LoPA(ProgramDecoder):
    """Keep the branch after which the model is most confident about the remaining masks."""

    family: ClassVar[str] = "lopa"
    published: ClassVar[Published] = Published(
        state="paper",
        code="SJTU-DENG-Lab/LoPA",
        defaults="the authors' D2F scripts, whose branching factor of 4 counts the anchor",
        difference="a branch that leaves no mask open scores 0 and not 1; candidates at exactly gamma are committed",
    )
    borders: ClassVar[Borders] = Borders(block="where the kept branch fills it, the same forward begins the next block")
    speed = {"gamma": "slower"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence from which the anchor commits a token")
    branches: int = Field(3, ge=1, le=64, description="look-ahead branches in addition to the anchor")
    order: Literal["entropy"] | None = Field(None, description="entropy: rank and score by negative entropy")
    lowest: float | None = Field(None, gt=0, le=1, description="part of the open masks, lowest first, that the score averages")
    created: float | None = Field(None, ge=0, le=1, description="weight of the value of the candidate that a branch added")
    compat: Literal["authors"] | None = Field(None, description="authors: a branch without open masks scores 1; c > gamma")

    def run(self, state: State) -> Run:
        extras: frozenset[Extra] = frozenset({"entropy"} if self.order else ())
        signals = yield ForwardRequest(extras=extras)
        while True:
            signals = self._anchor(signals, state)
            if not state.masked.any():
                return
            if not len(signals.positions):
                signals = yield ForwardRequest(extras=extras)
                continue
            added = self.best_first(self._values(signals), signals.positions, state)[: self.branches]
            canvases = np.repeat(state.canvas[None, :], len(added) + 1, axis=0)
            canvases[np.arange(1, len(added) + 1), signals.positions[added]] = signals.token[added]
            seen = yield ForwardRequest(positions=ahead(state, 1), branches=canvases, extras=extras)
            best = int(self._scores(signals, seen, added).argmax())
            if best:
                at = added[best - 1]
                state.write(signals.positions[at], signals.token[at], signals.confidence[at])
            signals = _kept(seen, best, np.isin(seen.positions, state.eligible))

    def _anchor(self, signals: Signals, state: State) -> Signals:
        """Commit what the threshold rule commits, and return the signals of the other masks."""
        if not len(signals.positions):
            return signals
        chosen = signals.confidence > self.gamma if self.compat else signals.confidence >= self.gamma
        if not chosen.any():
            chosen[self.best_first(self._values(signals), signals.positions, state)[0]] = True
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
        return _kept(signals, None, ~chosen)

    def _values(self, signals: Signals) -> Floats:
        """What candidates are ranked by, in the shape of the signals."""
        return -np.asarray(signals.entropy) if self.order else signals.confidence

    def _scores(self, signals: Signals, seen: Signals, added: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """The score of each branch, [R], from its values [R, N]; branch j >= 1 has filled the mask `added[j - 1]`."""
        created, scores = [1.0, *self._values(signals)[added].tolist()], []
        for row, values in enumerate(self._values(seen)[:, : len(signals.positions)]):
            left = np.sort(np.delete(values, added[row - 1]) if row else values)
            if self.lowest is not None:
                left = left[: max(1, int(len(left) * self.lowest))]
            scores.append(float(left.mean(dtype=np.float64)) if len(left) else float(self.compat is not None))
        weight = self.created or 0.0
        return weight * np.array(created) + (1 - weight) * np.array(scores)


def _kept(signals: Signals, row: int | None, keep: npt.NDArray[np.bool_]) -> Signals:
    """The signals of one branch at the masks that are still open."""
    where: Any = keep if row is None else (row, keep)
    entropy = None if signals.entropy is None else signals.entropy[where]
    return replace(
        signals,
        positions=signals.positions[keep],
        token=signals.token[where],
        confidence=signals.confidence[where],
        entropy=entropy,
    )
