"""CLAD: a filter on the threshold rule that resolves conflicts between clusters (arXiv 2605.29607).

The candidates are the masks of the window with c >= gamma, or the most confident mask where there is none. Candidates at
neighbouring positions form a cluster. A is the attention between positions, the mean over heads and over the last eighth of
the layers (28 to 31 of LLaDA's 32), and R = max(A, A^T) with a zero diagonal. The score of two clusters K and L is

    s(K, L) = max over i in K of the mean over j in L of R_ij,    made symmetric: max(s(K, L), s(L, K)).

Two clusters conflict if each has its highest score with the other, and that score is at least the mean of K's scores with all
other clusters and at least the mean of L's. (If there are only two clusters: if their score is at least 1.2 / B, where B is
the length of the window.) Of two clusters in conflict the one with fewer positions is not committed in this step; of two that
are equally long, the right one. All other candidates are committed.

Parameters: gamma (default 0.7, as in the authors' scripts for LLaDA on GSM8K and MATH; 0.75 on HumanEval and MBPP). Cost: one
forward a step. Needs a model that returns attention maps.

Equal to the authors' code: the same tokens from the same number of forwards.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from parallelbench.contracts.forward import AttentionQuery, Ints
from parallelbench.contracts.info import Need
from parallelbench.decoding.decoder import StepDecoder
from parallelbench.decoding.published import Published
from parallelbench.decoding.signals import Floats, ForwardRequest, Signals
from parallelbench.decoding.state import State

TWO_CLUSTERS = 1.2  # in units of 1 / B: the score from which the only two clusters conflict


class CLAD(StepDecoder):
    """Commit confident masks; of two clusters of them that conflict, commit only the one with more positions."""

    family: ClassVar[str] = "clad"
    published: ClassVar[Published] = Published(
        state="equal", code="ziyigu2004/CLAD", defaults="the authors' script for LLaDA-Instruct on GSM8K and MATH"
    )
    speed = {"gamma": "slower"}
    needs: ClassVar[frozenset[Need]] = frozenset({"attention"})
    gamma: float = Field(0.7, ge=0, le=1, description="confidence from which a mask is a candidate")

    def request(self, state: State) -> ForwardRequest:
        return ForwardRequest(attention=AttentionQuery("last_eighth"))

    def step(self, signals: Signals, state: State, memory: dict[str, Any]) -> None:
        chosen = signals.confidence >= self.gamma
        if not chosen.any():
            chosen[self.best_first(signals.confidence, signals.positions, state)[0]] = True
        candidates = np.flatnonzero(chosen)
        cluster = np.cumsum(np.diff(signals.positions[candidates], prepend=-2) > 1) - 1
        among = np.asarray(signals.attention)[np.ix_(candidates, signals.positions[candidates])]
        start, end = state.window
        waiting = conflicts(among, cluster, TWO_CLUSTERS / (end - start))
        chosen[candidates[waiting[cluster]]] = False
        self.commit(chosen, signals, state)


def conflicts(attention: Floats, cluster: Ints, alone: float) -> npt.NDArray[np.bool_]:
    """Which of K clusters are not committed, [K].

    Args:
        attention: between the n candidates, [n, n].
        cluster: the number of each candidate's cluster, ascending from 0, [n].
        alone: the score from which two clusters conflict if there are only two.
    """
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
