"""Accounting: the one place where a forward is charged to a sample."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.cache import Feed
from parallelbench.decoding.signals import Role
from parallelbench.decoding.state import Write
from parallelbench.schema import Ledger


@dataclass(frozen=True, slots=True)
class Cost:
    """What one forward of one sample comes to: rows, query tokens, keys attended by them, rows of logits."""

    rows: int
    queries: int
    attended: int
    asked: int


def cost_of(info: ModelInfo, feed: Feed, rows: int, asked: int, shadows: int, shared: bool = False) -> Cost:
    """The cost of feeding `rows` rows with logits at `asked` positions in all and `shadows` shadow tokens in each row.

    A shadow attends to itself and to all tokens of the row but one, where shadows are `shared` also to the other shadows; it
    has logits of its own.
    """
    fed = feed.end - feed.start
    seen = feed.seen + fed
    own = fed * seen if info.attention == "full" else _attended(feed, info.block or 1)
    others = shadows - 1 if shared and shadows else 0
    return Cost(rows, rows * (fed + shadows), rows * (own + shadows * (seen + others)), asked + rows * shadows)


def _attended(feed: Feed, block: int) -> int:
    """Keys attended where a token sees all up to the end of its block (1: causal); what is kept stands before what is fed."""
    ends = (np.arange(feed.start, feed.end) // block + 1) * block
    return int(np.minimum(ends, feed.end).sum())


@dataclass(slots=True)
class Account:
    """A sample's running costs; `close` freezes them.

    Arithmetic of a row: 2 P q + 4 d n s + 2 H m, with P active parameters without the output head, q query tokens, d the
    hidden size, n layers, s = sum over query tokens of keys attended, H parameters of the head, m rows of logits.
    """

    nfe: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    q_tokens: int = 0
    kv_tokens: int = 0
    flops: float = 0.0
    flags: list[str] = field(default_factory=list)

    def charge(self, role: Role, cost: Cost, info: ModelInfo) -> None:
        """Charge one sequential forward of the model that `info` describes."""
        self.nfe[role] += 1
        self.rows += cost.rows
        self.q_tokens += cost.queries
        self.kv_tokens += cost.attended
        self.flops += (
            2.0 * info.active_params * cost.queries
            + 4.0 * info.hidden_size * info.layers * cost.attended
            + 2.0 * info.head_params * cost.asked
        )

    @property
    def forwards(self) -> int:
        """Sequential forwards so far."""
        return sum(self.nfe.values())

    def close(self, history: list[list[Write]]) -> Ledger:
        """Freeze the account."""
        steps = tuple(tuple(writes) for writes in history)
        return Ledger(dict(self.nfe), self.rows, self.q_tokens, self.kv_tokens, self.flops, steps, tuple(self.flags))
