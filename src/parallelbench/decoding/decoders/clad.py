"""CLAD: a filter on the threshold rule that resolves conflicts between clusters (arXiv 2605.29607).

Candidates with c >= gamma that stand side by side form clusters. R = max(A, A^T) with a zero diagonal, A the attention between
open positions. s(K, L) = max over i in K of the mean over j in L of R_ij, symmetrised by max. Two clusters conflict if each is
the other's highest s and s >= both their means over the other clusters (with two clusters only: s >= 1.2 / B, B
the window's length); the shorter one of a conflicting pair waits (the right one of equals). The rest is committed.

Parameters: gamma (default 0.9). Cost: one forward a step. Needs a model whose attention can be read.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.forward import AttentionQuery, Ints
from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import State

ALONE = 1.2


class CLAD(StepDecoder):
    """Of two clusters that attend to each other most, commit the longer."""

    family: ClassVar[str] = "clad"
    speed = {"gamma": "slower"}
    needs: ClassVar[frozenset[Need]] = frozenset({"attention"})
    gamma: float = Field(0.9, ge=0, le=1, description="confidence from which a token is a candidate")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(attention=AttentionQuery("last30"))

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        chosen = signals.confidence >= np.float32(self.gamma)
        if not chosen.any():
            chosen[self.best_first(signals.confidence, signals.positions, state)[0]] = True
        candidates = np.flatnonzero(chosen)
        cluster = np.cumsum(np.diff(signals.positions[candidates], prepend=-2) > 1) - 1
        among = np.asarray(signals.attention)[np.ix_(candidates, signals.positions[candidates])]
        start, end = state.window
        waiting = conflicts(among, cluster, ALONE / (end - start))
        chosen[candidates[waiting[cluster]]] = False
        self.commit(chosen, signals, state)


def conflicts(attention: Floats, cluster: Ints, alone: float) -> npt.NDArray[np.bool_]:
    """Which clusters wait, [K]; `attention` [n, n] is among candidates, `cluster` [n] says whose each one is, ascending."""
    size = np.bincount(cluster)
    count = len(size)
    waiting = np.zeros(count, dtype=bool)
    if count < 2:
        return waiting
    related = np.maximum(attention, attention.T)
    np.fill_diagonal(related, 0.0)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    score = np.maximum.reduceat(np.add.reduceat(related, first, axis=1) / size, first, axis=0)
    score = np.maximum(score, score.T)
    np.fill_diagonal(score, 0.0)
    mean = score.sum(axis=1) / (count - 1)
    np.fill_diagonal(score, -1.0)
    top = score.argmax(axis=1)
    here = np.arange(count)
    strong = score[here, top] >= (np.maximum(mean, mean[top]) if count > 2 else alone)
    shorter = (size < size[top]) | ((size == size[top]) & (here > top))
    waiting[:] = (top[top] == here) & strong & shorter
    return waiting
