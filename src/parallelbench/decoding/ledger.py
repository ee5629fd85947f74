"""Accounting: the one place where a forward is charged to a sample."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from parallelbench.decoding.signals import Role
from parallelbench.decoding.state import Write
from parallelbench.models.base import ModelInfo
from parallelbench.schema import Ledger


@dataclass(slots=True)
class Account:
    """A sample's running costs; `close` freezes them.

    Arithmetic of a row: 2 P q + 4 d n s + 2 H m, with P active parameters without the output head, q query tokens, d the
    hidden size, n layers, s = sum over query tokens of keys attended, H parameters of the head, m rows of logits.
    """

    info: ModelInfo
    nfe: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    q_tokens: int = 0
    kv_tokens: int = 0
    flops: float = 0.0
    flags: list[str] = field(default_factory=list)

    def charge(self, role: Role, rows: int, tokens: int, asked: int) -> None:
        """Charge one sequential forward over `rows` rows of `tokens` tokens each, with logits at `asked` positions in all."""
        attended = rows * tokens * tokens
        self.nfe[role] += 1
        self.rows += rows
        self.q_tokens += rows * tokens
        self.kv_tokens += attended
        self.flops += (
            2.0 * self.info.active_params * rows * tokens
            + 4.0 * self.info.hidden_size * self.info.layers * attended
            + 2.0 * self.info.head_params * asked
        )

    @property
    def forwards(self) -> int:
        """Sequential forwards so far."""
        return sum(self.nfe.values())

    def close(self, history: list[list[Write]]) -> Ledger:
        """Freeze the account."""
        steps = tuple(tuple(writes) for writes in history)
        return Ledger(dict(self.nfe), self.rows, self.q_tokens, self.kv_tokens, self.flops, steps, tuple(self.flags))
