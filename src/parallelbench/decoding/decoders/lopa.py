"""LoPA: look-ahead parallel decoding (Xu et al., arXiv 2512.16229).

The anchor is what the threshold rule commits: every candidate with c >= gamma, at least the best. Branch 0 is the anchor;
branch j is the anchor with the j-th most confident of the remaining candidates as well. All branches share one forward.
C(branch) = mean confidence of its open positions (0 where none is open: nothing speaks for it); the branch with the highest C
is kept (ties: the lowest j), and its forward is where the next anchor comes from.

Parameters: gamma (default 0.9), branches k (default 4; the paper scales it up to 15). Cost: one forward a step, k + 1 rows.
Needs nothing of the model but its distribution. Branches stay within the block being filled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import State


class LoPA(ProgramDecoder):
    """Keep the branch from which the model is most confident about the rest."""

    family: ClassVar[str] = "lopa"
    speed = {"gamma": "slower", "branches": "faster"}
    gamma: float = Field(0.9, ge=0, le=1, description="confidence from which the anchor commits a token")
    branches: int = Field(4, ge=1, le=64, description="look-ahead branches beside the anchor")

    def run(self, state: State) -> Run:
        signals = yield ForwardRequest()
        while True:
            signals = self._anchor(signals, state)
            if not state.masked.any():
                return
            if not len(signals.positions):
                signals = yield ForwardRequest()
                continue
            extra = self.best_first(signals.confidence, signals.positions, state)[: self.branches]
            canvases = np.repeat(state.canvas[None, :], len(extra) + 1, axis=0)
            canvases[np.arange(1, len(extra) + 1), signals.positions[extra]] = signals.token[extra]
            seen = yield ForwardRequest(positions=signals.positions, branches=canvases)
            best = _most_confident(seen, extra)
            if best:
                at = extra[best - 1]
                state.write(signals.positions[at], signals.token[at], signals.confidence[at])
            signals = _kept(seen, best, np.arange(len(signals.positions)) != (extra[best - 1] if best else -1))

    def _anchor(self, signals: Signals, state: State) -> Signals:
        """Commit what the threshold rule commits, and return what is left."""
        if not len(signals.positions):
            return signals
        chosen = signals.confidence >= np.float32(self.gamma)
        chosen[self.best_first(signals.confidence, signals.positions, state)[0]] = True
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])
        return _kept(signals, None, ~chosen)


def _most_confident(seen: Signals, extra: np.ndarray[tuple[int], np.dtype[np.intp]]) -> int:
    """The branch of the highest mean confidence over its open positions."""
    total = seen.confidence.astype(np.float64).sum(axis=1)
    count = np.full(len(total), float(seen.confidence.shape[1]))
    branch = np.arange(1, len(total))
    total[branch] -= seen.confidence[branch, extra]
    count[branch] -= 1.0
    return int(np.where(count > 0, total / np.maximum(count, 1.0), 0.0).argmax())


def _kept(signals: Signals, row: int | None, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Signals:
    """The candidates of one branch that are still open."""
    token, sure = (signals.token, signals.confidence) if row is None else (signals.token[row], signals.confidence[row])
    return replace(signals, positions=signals.positions[keep], token=token[keep], confidence=sure[keep])
