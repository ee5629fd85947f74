"""CoRe: context-robust remasking (arXiv 2602.04096).

k commits a step, most confident first. Every `every` steps, while the progress of the window is in [1/4, 3/4), the
`candidates` committed tokens of least margin p_(1) - p_(2) are masked together; one extra forward gives each a loss
- log p(its token | the rest), and the one of the highest loss is remasked: it was only as good as its neighbours.

Parameters: k (default 1), every (default 8), candidates (default 32). Cost: one forward a step and one probe every `every`
steps of the middle half, about 1/16 more at the default; each remask asks for one commit more. Needs nothing of the model but
its distribution.

compat="authors" does what the published code does: the last 16 positions of a window are never candidates, a token is
revised only if the probe prefers another one with at least 0.3, and then that one is written at once.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import COMMITTED, MASKED, State

PROTECTED = 16
PREFERRED = 0.3


class CoRe(ProgramDecoder):
    """Remask the token that its own neighbourhood explains worst once that is masked too."""

    family: ClassVar[str] = "core"
    speed = {"k": "faster"}
    adaptive = False
    revises: ClassVar[bool] = True
    k: int = Field(1, ge=1, description="commits per step")
    every: int = Field(8, ge=1, description="steps from one probe to the next")
    candidates: int = Field(32, ge=1, description="committed tokens that a probe masks together")
    compat: Literal["authors"] | None = Field(None, description="the published code's rule")

    def run(self, state: State) -> Run:
        while state.masked.any():
            start, end = state.window
            steps, step = -(-len(state.eligible) // self.k), 0
            while state.masked[start:end].any():
                due = step % self.every == 0 and steps // 4 <= step < 3 * steps // 4
                positions = state.editable(start, end) if due else state.eligible
                signals = yield ForwardRequest(positions=positions, extras=frozenset({"margin"} if due else ()))
                suspects = self._suspects(signals, state, end) if due else positions[:0]
                canvas = state.canvas.copy()
                canvas[suspects] = state.info.mask_id
                self._commit(signals, state)
                if len(suspects):
                    asked = ForwardRequest(positions=suspects, canvas=canvas, tokens=state.canvas[suspects], role="probe")
                    self._revise((yield asked), state)
                step += 1

    def _suspects(self, signals: Signals, state: State, end: int) -> Ints:
        """The committed positions of least margin, ascending."""
        last = end - PROTECTED if self.compat else end
        committed = np.flatnonzero((state.status[signals.positions] == COMMITTED) & (signals.positions < last))
        weakest = committed[np.argsort(np.asarray(signals.margin)[committed], kind="stable")[: self.candidates]]
        return signals.positions[np.sort(weakest)]

    def _commit(self, signals: Signals, state: State) -> None:
        open_ = np.flatnonzero(state.status[signals.positions] == MASKED)
        chosen = open_[self.best_first(signals.confidence[open_], signals.positions[open_], state)[: self.k]]
        state.write(signals.positions[chosen], signals.token[chosen], signals.confidence[chosen])

    def _revise(self, probe: Signals, state: State) -> None:
        p_of = np.asarray(probe.p_of)
        if self.compat is None:
            state.remask(probe.positions[p_of.argmin()])
            return
        other = (probe.token != state.canvas[probe.positions]) & (probe.confidence >= PREFERRED)
        if other.any():
            worst = np.where(other, p_of, np.inf).argmin()
            state.write(probe.positions[worst], probe.token[worst], probe.confidence[worst])
