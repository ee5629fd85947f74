"""Lossless self-speculation: one forward evaluates several possible next canvases, and the base decoder's rule selects.

A base decoder commits, at each canvas, its most confident candidate (or every candidate with confidence >= gamma). Its next
commits are predicted from the last forward: the other candidates, most confident first, are the drafts. One forward
then looks at several nodes; a node is the canvas with a set of drafts filled in. The walk starts at the canvas itself, and the
base decoder's rule is applied to the candidates of each node that it reaches. If the result is another node of this forward,
the walk goes on there; if not, its result is the canvas of the next forward.

So the tokens are those of the base decoder, in its order. This holds at a temperature too, because each node's candidates are
drawn with the random numbers of the forward in which the base decoder would have reached it. Only rounding can differ, where
arithmetic depends on the number of rows in a forward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from parallelbench.contracts.forward import Ints
from parallelbench.decoding.decoder import ProgramDecoder, Run
from parallelbench.decoding.quota import Quota
from parallelbench.decoding.signals import Extra, Floats, ForwardRequest, Signals
from parallelbench.decoding.state import State

Node = frozenset[int]
"""A set of drafts, by their ranks; the empty set is the canvas without drafts."""


class View(NamedTuple):
    """The candidates for the masks of the window at one node, most confident first."""

    positions: Ints
    token: Ints
    confidence: Floats

    def take(self, which: Any) -> View:
        """The candidates that an index array, a mask or a slice selects."""
        return View(self.positions[which], self.token[which], self.confidence[which])


NOTHING = View(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


class Speculative(ProgramDecoder, ABC):
    """The walk. A subclass chooses the base decoder's rule and the nodes of a forward."""

    @abstractmethod
    def quota(self) -> Quota:
        """Return the base decoder's rule; ranks are by confidence."""

    @abstractmethod
    def nodes(self, drafts: int) -> list[Node]:
        """Return the nodes of a forward, given the number of drafts; the empty set must be among them."""

    @property
    def subsets(self) -> bool:
        """True where the walk goes to any node that a result contains, and each block begins with a new forward."""
        return False

    def run(self, state: State) -> Run:
        quota = self.quota()
        extras: frozenset[Extra] = frozenset({"logits"} if self.sampling.lanes else ())
        drafts, rows, forwards = NOTHING, {Node(): 0}, 0  # forwards: those that the base decoder would have made
        signals = yield ForwardRequest(extras=extras)
        while True:
            view, steps = self._walk(signals, rows, drafts, quota, state, forwards)
            forwards += steps
            if not state.masked.any():
                return
            drafts = _open(view, state)
            masks = len(state.eligible) if self.subsets else int(state.masked.sum())
            nodes = [
                node for node in self.nodes(len(drafts.positions)) if len(node) < masks
            ]  # a canvas without masks needs no forward
            rows = {node: row for row, node in enumerate(nodes)}
            canvases = np.stack([_filled(state.canvas, drafts, node) for node in nodes])
            positions = ahead(state, max(map(len, nodes)))
            signals = yield ForwardRequest(positions=positions, branches=canvases, extras=extras, role="verify")

    def _walk(
        self, signals: Signals, rows: dict[Node, int], drafts: View, quota: Quota, state: State, forwards: int
    ) -> tuple[View, int]:
        """Commit from node to node; return the candidates of the last one, and the number of steps of the base decoder."""
        node: Node | None = Node()
        steps, view = 0, NOTHING
        while node is not None and node in rows and state.masked.any():
            seen = self._view(signals, rows[node], state, forwards + steps)
            if not len(seen.positions):
                break  # the block after the next one: this forward has no signals there
            view, steps = seen, steps + 1
            chosen = seen.take(slice(max(1, quota.count(seen.confidence, state))))
            node = self._follow(node, chosen, drafts, rows)
            if self.subsets and node is not None:
                chosen = chosen.take(np.isin(chosen.positions, drafts.positions[sorted(node)]))
            state.write(*chosen)
        return view, steps

    def _follow(self, node: Node, chosen: View, drafts: View, rows: dict[Node, int]) -> Node | None:
        """The node to which committing `chosen` at `node` leads; None where that is no node."""
        rank = {position: place for place, position in enumerate(drafts.positions.tolist())}
        right = {
            rank[position]
            for position, token in zip(chosen.positions.tolist(), chosen.token.tolist(), strict=True)
            if position in rank and drafts.token[rank[position]] == token
        }
        if self.subsets:
            return max((one for one in rows if node < one <= node | right), key=len, default=None)
        return node | right if len(right) == len(chosen.positions) else None

    def _view(self, signals: Signals, row: int, state: State, forwards: int) -> View:
        """Rank the candidates of the window at one node, drawn as at the base decoder's forward of this number."""
        branched = signals.token.ndim > 1
        token, sure = (signals.token[row], signals.confidence[row]) if branched else (signals.token, signals.confidence)
        if self.sampling.lanes and signals.logits is not None:
            from parallelbench.decoding.compute_signals import compute

            logits = signals.logits[row] if branched else signals.logits
            drawn = state.draws.uniform(forwards, signals.positions, self.sampling.lanes[0])
            flat = compute(signals.positions, logits, state.info, self.sampling, drawn)
            token, sure = flat.token, flat.confidence
        view = View(signals.positions, token, sure).take(state.is_eligible(signals.positions))
        return view.take(self.best_first(view.confidence, view.positions, state))


def _open(view: View, state: State) -> View:
    """The candidates at positions that are still masked."""
    return view.take(state.is_eligible(view.positions))


def _filled(canvas: Ints, drafts: View, node: Node) -> Ints:
    filled = canvas.copy()
    places = sorted(node)
    filled[drafts.positions[places]] = drafts.token[places]
    return filled


def ahead(state: State, steps: int) -> Ints:
    """The masks of the window, and those of the next block where so many more tokens can fill the window."""
    now = state.eligible
    if len(now) > steps:
        return now
    beyond = np.flatnonzero(state.masked[state.window[1] :]) + state.window[1]
    return np.concatenate([now, beyond[state.block_of(beyond) == state.block_of(beyond[:1])]]) if beyond.size else now
