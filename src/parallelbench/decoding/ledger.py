"""Accounting: computes the cost of each forward and charges it to its sample; no other module does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from parallelbench.contracts.info import ModelInfo
from parallelbench.decoding.caches.base import InputSpan
from parallelbench.decoding.signals import Role
from parallelbench.decoding.state import Write
from parallelbench.schema import Ledger


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one forward of one sample: rows, query tokens, keys attended, and arithmetic (see `Account`)."""

    rows: int
    queries: int
    attended: int
    flops: float


def cost_of(info: ModelInfo, span: InputSpan, rows: int, outputs: int, shadows: int, shared: bool = False) -> Cost:
    """The cost of a forward of `rows` rows that compute `span`, read `outputs` rows of logits in all and have `shadows` shadow
    masks in each row.

    A shadow mask attends to itself and to all tokens except the one at its position; if shadow masks are `shared`, also to the
    other shadow masks of its row. One more row of logits is read for each shadow mask.
    """
    computed = span.end - span.start
    seen = span.cached + computed
    attended = computed * seen if info.attention == "full" else _attended(span, info.block or 1)
    of_shadow = seen + (shadows - 1 if shared and shadows else 0)
    queries, keys, outputs = rows * (computed + shadows), rows * (attended + shadows * of_shadow), outputs + rows * shadows
    flops = 2.0 * info.active_params * queries + 4.0 * info.hidden_size * info.layers * keys + 2.0 * info.head_params * outputs
    return Cost(rows, queries, keys, flops)


def _attended(span: InputSpan, block: int) -> int:
    """Keys attended where each token attends to all tokens up to the end of its block (block 1: causal attention).

    The cached columns are those before `span.start`, so the column of a block's end is also the number of keys.
    """
    ends = (np.arange(span.start, span.end) // block + 1) * block
    return int(np.minimum(ends, span.end).sum())


@dataclass(slots=True)
class Account:
    """The costs of a sample so far; `close` returns them as a frozen `Ledger`.

    Floating-point operations of a row: 2 P q + 4 d n s + 2 H m, with P active parameters without the output head, q query
    tokens, d the hidden size, n layers, s = sum over query tokens of keys attended, H parameters of the head, m rows of logits.
    """

    nfe: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    q_tokens: int = 0
    kv_tokens: int = 0
    flops: float = 0.0
    flags: list[str] = field(default_factory=list)

    def charge(self, role: Role, cost: Cost) -> None:
        """Charge one sequential forward."""
        self.nfe[role] = self.nfe.get(role, 0) + 1
        self.rows += cost.rows
        self.q_tokens += cost.queries
        self.kv_tokens += cost.attended
        self.flops += cost.flops

    def close(self, history: list[list[Write]]) -> Ledger:
        """Return the account as a `Ledger`; `history` holds the writes of each forward."""
        steps = tuple(tuple(writes) for writes in history)
        return Ledger(dict(self.nfe), self.rows, self.q_tokens, self.kv_tokens, self.flops, steps, tuple(self.flags))
