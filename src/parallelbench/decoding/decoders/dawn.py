"""DAWN: dependency-aware decoding with anchors (Luo et al., arXiv 2602.06953).

A = attention of the last eighth of the layers (four of LLaDA's 32), mean over heads. Columns whose mean incoming attention
exceeds `sink` and the diagonal count nothing. i depends on j if A_ij >= edge. A step commits

1. every candidate with c >= sure;
2. every candidate with c >= induce that depends on an anchor: a committed token x_j with p(x_j) >= sure now;
3. of the others with c >= low, most confident first, each that neither depends on one committed in this step nor is depended
   on by one; and the best candidate where all this is none.

Parameters: sure (default 0.9), induce (default 0.7), low (default 0.7), edge (default 0.07; the authors use 0.10 for Dream),
sink (default 0.01; 0.03 for Dream). Cost: one forward a step. Needs a model whose attention can be read.

The published loop goes on after its candidates are used up and then returns position 0; here it ends.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.forward import AttentionQuery
from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import COMMITTED, State


class DAWN(StepDecoder):
    """Commit what is sure, what sure tokens induce, and what does not depend on either."""

    family: ClassVar[str] = "dawn"
    speed = {"sure": "slower", "induce": "slower", "low": "slower", "edge": "faster"}
    needs: ClassVar[frozenset[Need]] = frozenset({"attention"})
    sure: float = Field(0.9, ge=0, le=1, description="confidence that needs no test, and that makes an anchor")
    induce: float = Field(0.7, ge=0, le=1, description="confidence needed beside an anchor")
    low: float = Field(0.7, ge=0, le=1, description="confidence needed where nothing just committed is tied")
    edge: float = Field(0.07, ge=0, le=1, description="attention from which a position depends on another")
    sink: float = Field(0.01, ge=0, le=1, description="mean incoming attention from which a column is ignored")

    def request(self, state: State) -> ForwardRequest:
        positions = np.arange(len(state.canvas))
        return ForwardRequest(positions=positions, tokens=state.canvas, attention=AttentionQuery("last_eighth"))

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        depends = self._edges(np.asarray(signals.attention))
        open_ = state.eligible
        sure = signals.confidence[open_]
        anchors = (state.status == COMMITTED) & (np.asarray(signals.p_of) >= np.float32(self.sure))
        chosen = sure >= np.float32(self.sure)
        chosen |= (sure >= np.float32(self.induce)) & (depends[open_] & anchors).any(axis=1)
        among = depends[np.ix_(open_, open_)]
        self._independent(chosen, sure, among | among.T, state)
        if not chosen.any():
            chosen[self.best_first(sure, open_, state)[0]] = True
        at = open_[chosen]
        state.write(at, signals.token[at], signals.confidence[at])

    def _edges(self, attention: Floats) -> npt.NDArray[np.bool_]:
        """Which position depends on which, [W, W]."""
        depends = attention >= np.float32(self.edge)
        depends[:, attention.mean(axis=0) > self.sink] = False
        np.fill_diagonal(depends, False)
        return depends

    def _independent(self, chosen: npt.NDArray[np.bool_], sure: Floats, tied: npt.NDArray[np.bool_], state: State) -> None:
        """Add candidates, most confident first, that are tied to none chosen."""
        blocked = np.asarray(tied[:, chosen].any(axis=1))
        for i in self.best_first(sure, state.eligible, state).tolist():
            if not chosen[i] and not blocked[i] and sure[i] >= np.float32(self.low):
                chosen[i] = True
                blocked |= tied[:, i]
