"""CoRe: context-robust remasking (arXiv 2602.04096).

k masks are committed a step, most confident first. Every `every` steps, from the first quarter of the block's steps up to the
third, the `candidates` committed tokens with the smallest margin p_(1) - p_(2) are masked together; one extra forward gives
each the loss -log p(its token | the other tokens), and the token with the highest loss is remasked, because it was probable
only in the presence of other tokens of low margin.

Parameters: k (default 1), every (default 8), candidates (default 32), the defaults of the authors' code. Cost: one forward a
step and one probe every `every` steps of the middle half, about 1/16 more at the default; each remask needs one commit more.
Needs only the model's distribution.

Differences in the authors' code, compat="authors": the last 16 positions of a window are never candidates; a token is revised
only if the probe gives another token a probability of at least 0.3, and then that token is written at once.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.published import Borders, Published
from parallelbench.decoding.signals import ForwardRequest, Signals
from parallelbench.decoding.state import COMMITTED, MASKED, State

PROTECTED = 16
PREFERRED = 0.3


class CoRe(ProgramDecoder):
    """Remask the token that has the lowest probability once the other tokens of low margin are masked too."""

    family: ClassVar[str] = "core"
    published: ClassVar[Published] = Published(
        state="paper",
        code="UCF-CRCV/core",
        defaults="the defaults of the authors' code",
        difference="the worst token is remasked, not replaced where another is probable; the last 16 positions are candidates",
    )
    borders: ClassVar[Borders] = Borders(state="the number of the step in its block", over_blocks="reset")
    speed = {"k": "faster"}
    adaptive = False
    revises: ClassVar[bool] = True
    k: int = Field(1, ge=1, description="commits per step")
    every: int = Field(8, ge=1, description="steps from one probe to the next")
    candidates: int = Field(32, ge=1, description="committed tokens that a probe masks together")
    compat: Literal["authors"] | None = Field(None, description="authors: which tokens are candidates, and what replaces them")

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
                    probe = ForwardRequest(positions=suspects, canvas=canvas, tokens=state.canvas[suspects], role="probe")
                    self._revise((yield probe), state)
                step += 1

    def _suspects(self, signals: Signals, state: State, end: int) -> Ints:
        """The committed positions with the smallest margins, ascending."""
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
