"""Lossless self-speculation: guess the next commits, look at several futures in one forward, keep what would have come anyway.

A careful decoder commits, at each canvas, its most confident position (or every position as confident as gamma). What it
would do next is guessed from the forward at hand: the other candidates, most confident first, are the drafts. One forward
then looks at several nodes, each the canvas with a set of drafts filled in. The walk starts at the canvas itself; at a node
the careful rule decides; where the result is another node the walk goes on there, without a new forward. Everything written
is what the careful decoder would have written, token by token, also at a temperature: its draws are counted by *its* forwards,
so each node is drawn as the careful decoder would have drawn it there. Only the rounding of another batch shape can differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.quota import Quota
from parallelbench.decoding.signals import ORDER, Extra, Floats, ForwardRequest, Signals, compute
from parallelbench.decoding.state import State

Node = frozenset[int]
"""A set of drafts, by rank; the empty one is the canvas itself."""


class View(NamedTuple):
    """What the careful decoder sees at one node: its candidates, best first."""

    positions: Ints
    token: Ints
    confidence: Floats


NOTHING = View(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


class Speculative(ProgramDecoder, ABC):
    """The walk; a method says which rule is careful, and which futures are looked at."""

    @abstractmethod
    def quota(self) -> Quota:
        """Return the careful decoder's rule; ranks are by confidence."""

    @abstractmethod
    def nodes(self, drafts: int) -> list[Node]:
        """Return the futures to look at, given so many drafts; the empty set is among them."""

    def run(self, state: State) -> Run:
        quota = self.quota()
        extras: frozenset[Extra] = frozenset({"logits"} if self.sampling.lanes else ())
        drafts, rows, forwards = NOTHING, {Node(): 0}, 0  # forwards of the careful decoder
        signals = yield ForwardRequest(extras=extras)
        while True:
            view, steps = self._walk(signals, rows, drafts, quota, state, forwards)
            forwards += steps
            if not state.masked.any():
                return
            drafts = _left(view, state)
            left = int(state.masked.sum())
            nodes = [node for node in self.nodes(len(drafts.positions)) if len(node) < left]  # a full canvas says nothing
            rows = {node: row for row, node in enumerate(nodes)}
            canvases = np.stack([_filled(state.canvas, drafts, node) for node in nodes])
            ahead = _ahead(state, max(map(len, nodes)))
            signals = yield ForwardRequest(positions=ahead, branches=canvases, extras=extras, role="verify")

    def _walk(
        self, signals: Signals, rows: dict[Node, int], drafts: View, quota: Quota, state: State, forwards: int
    ) -> tuple[View, int]:
        """Commit from node to node as far as there are nodes; return what the last one showed, and the number of steps."""
        node, steps, view = Node(), 0, NOTHING
        rank = {at: place for place, at in enumerate(drafts.positions.tolist())}
        while node in rows and state.masked.any():
            seen = self._view(signals, rows[node], state, forwards + steps)
            if not len(seen.positions):
                break  # the window after this one was not asked for
            view, steps = seen, steps + 1
            chosen = slice(max(1, quota.count(view.confidence, state)))
            state.write(view.positions[chosen], view.token[chosen], view.confidence[chosen])
            places = [rank.get(at, -1) for at in view.positions[chosen].tolist()]
            if -1 in places or (drafts.token[places] != view.token[chosen]).any():
                break
            node = node | set(places)
        return view, steps

    def _view(self, signals: Signals, row: int, state: State, forwards: int) -> View:
        """Rank the candidates of the open window at one node, drawn as at the careful decoder's forward of this number."""
        one = signals.token.ndim > 1
        token, sure = (signals.token[row], signals.confidence[row]) if one else (signals.token, signals.confidence)
        if self.sampling.lanes and signals.logits is not None:
            logits = signals.logits[row] if one else signals.logits
            drawn = state.draws.uniform(forwards, signals.positions, self.sampling.lanes[0])
            flat = compute(logits, state.info, self.sampling, drawn, frozenset(), 0, None)
            token, sure = flat.token, flat.confidence
        open_ = np.isin(signals.positions, state.eligible)
        positions = signals.positions[open_]
        order = self._order(sure[open_], positions, state, forwards)
        return View(positions[order], token[open_][order], sure[open_][order])

    def _order(self, sure: Floats, positions: Ints, state: State, forwards: int) -> npt.NDArray[np.intp]:
        falling = -sure.astype(np.float64)
        if self.ties == "random":
            return np.lexsort((state.draws.uniform(forwards, positions, ORDER), falling))
        return np.argsort(falling, kind="stable")


def _left(view: View, state: State) -> View:
    """The candidates that are still open."""
    open_ = np.isin(view.positions, state.eligible)
    return View(view.positions[open_], view.token[open_], view.confidence[open_])


def _filled(canvas: Ints, drafts: View, node: Node) -> Ints:
    filled = canvas.copy()
    places = sorted(node)
    filled[drafts.positions[places]] = drafts.token[places]
    return filled


def _ahead(state: State, steps: int) -> Ints:
    """The open positions of this window, and of the next one where so many drafts can fill this one."""
    now = state.eligible
    if len(now) > steps:
        return now
    beyond = np.flatnonzero(state.masked[state.window[1] :]) + state.window[1]
    return np.concatenate([now, beyond[state.block_of(beyond) == state.block_of(beyond[:1])]]) if beyond.size else now
