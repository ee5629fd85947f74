"""DAWN: dependency-aware decoding with anchors (Luo et al., arXiv 2602.06953).

A is the attention between all L positions of a row, prompt and canvas: the mean over heads and over the last eighth of the
layers (28 to 31 of LLaDA's 32). A column j whose mean over all L queries exceeds `sink` is set to zero, and so is the
diagonal. Position i depends on j if A_ij >= edge. c_i is the probability of position i's candidate, the most probable token of
a visible position. An anchor is a visible position (of the prompt, or committed) with c >= sure. A step commits

1. every mask of the window with c >= sure; 2. every mask with c >= induce that depends on an anchor; 3. of the other masks
with c >= low, except those that depend on a mask which passed both 1 and 2: the most confident one first, each that neither
depends on one taken before it in this rule nor is depended on by one;

and where none of the three commits anything, the most confident mask.

Parameters: sure (default 0.9, fixed in the authors' code), induce (default 0.7; the authors use 0.75 for Dream), low (default
0.75, as in the authors' script for LLaDA on GSM8K; 0.7 and 0.8 on other tasks), edge (default 0.07; 0.10 for Dream-Instruct,
0.05 for Dream-Base), sink (default 0.01; 0.03 for Dream). Cost: one forward a step; it reads outputs at the prompt's positions
too, so a cache of keys saves nothing. Needs a model whose attention can be read.

Equal to the authors' code, but for one fault of it: after its candidates are used up its loop goes on and overwrites the first
token of the prompt. Here it ends.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.forward import AttentionQuery
from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import MASKED, State

Flags = npt.NDArray[np.bool_]


class DAWN(StepDecoder):
    """Commit confident masks, masks that depend on anchors, and masks that do not depend on each other."""

    family: ClassVar[str] = "dawn"
    published: ClassVar[Published] = Published(
        state="equal",
        code="lizhuo-luo/DAWN",
        defaults="the authors' script for LLaDA-Instruct on GSM8K",
        difference="the first token of the prompt is not overwritten where no candidate is left, which is a fault of that code",
    )
    speed = {"sure": "slower", "induce": "slower", "low": "slower", "edge": "faster"}
    needs: ClassVar[frozenset[Need]] = frozenset({"attention"})
    sure: float = Field(
        0.9, ge=0, le=1, description="confidence that suffices for a mask, and that makes a visible token an anchor"
    )
    induce: float = Field(0.7, ge=0, le=1, description="confidence that suffices for a mask which depends on an anchor")
    low: float = Field(0.75, ge=0, le=1, description="confidence that suffices for a mask which depends on no other candidate")
    edge: float = Field(0.07, ge=0, le=1, description="attention from which a position depends on another")
    sink: float = Field(0.01, ge=0, le=1, description="mean attention above which a column is ignored")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(np.arange(len(state.canvas)), prompt=True, attention=AttentionQuery("last_eighth"))

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        start = len(state.prompt)
        open_ = start + state.eligible
        depends = self._edges(np.asarray(signals.attention))
        visible = np.concatenate([np.ones(start, dtype=bool), state.status != MASKED])
        anchors = visible & (signals.confidence >= self.sure)
        confidence = signals.confidence[open_]
        anchored = np.asarray((depends[open_] & anchors).any(axis=1))
        chosen = self._choose(confidence, depends[np.ix_(open_, open_)], anchored, state)
        at = open_[chosen]
        state.write(signals.positions[at], signals.token[at], signals.confidence[at])

    def _edges(self, attention: Floats) -> Flags:
        """Which position depends on which, [L, L]."""
        depends = attention >= self.edge
        depends[:, attention.mean(axis=0) > self.sink] = False
        np.fill_diagonal(depends, False)
        return depends

    def _choose(self, confidence: Floats, depends: Flags, anchored: Flags, state: State) -> Flags:
        """Which of n masks are committed, [n]; `depends` [n, n] is between them, `anchored` [n] says which have an anchor."""
        order = self.best_first(confidence, state.eligible, state)
        sure = confidence >= self.sure
        induced = anchored & (confidence >= self.induce)
        chosen = sure | induced
        blocked = chosen | depends[:, sure & induced].any(axis=1)
        tied = depends | depends.T
        for i in order[confidence[order] >= self.low].tolist():
            if not blocked[i]:
                chosen[i] = True
                blocked |= tied[:, i]
        if not chosen.any():
            chosen[order[0]] = True
        return np.asarray(chosen)
