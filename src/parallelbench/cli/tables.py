"""Results as tables: one row for each cell, or one for each decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rich.table import Table

from parallelbench.cli.terminal import as_wide_as_possible, cell

if TYPE_CHECKING:
    from rich.console import Console

    from parallelbench.results import DecoderMean, Result

NUMBERS = ("accuracy", "95 % interval", "nfe", "tokens_per_step", "content_tokens_per_forward", "seconds")
"""From what is kept longest on a narrow terminal to what is left out first."""


class Measured(Protocol):
    """What both kinds of row have."""

    @property
    def accuracy(self) -> float: ...
    @property
    def ci95(self) -> tuple[float, float]: ...
    @property
    def nfe(self) -> float | None: ...
    @property
    def tokens_per_step(self) -> float | None: ...
    @property
    def content_tokens_per_forward(self) -> float | None: ...
    @property
    def seconds(self) -> float: ...


def results_table(rows: Sequence[Result], where: Console) -> Table:
    """Lay out cells; model and seed are shown where there are several. All numbers are in OUT/summary.json."""
    several = [key for key in ("model", "seed") if len({getattr(row, key) for row in rows}) > 1]
    names = [[row.task, *(str(getattr(row, key)) for key in several), row.decoder] for row in rows]
    return _table(["task", *several, "decoder"], names, rows, where)


def decoder_table(rows: Sequence[DecoderMean], where: Console) -> Table:
    """Lay out means over tasks, one row for each model and decoder."""
    several = ["model"] if len({row.model for row in rows}) > 1 else []
    names = [[*(row.model for _ in several), row.decoder] for row in rows]
    return _table([*several, "decoder"], names, rows, where)


def _table(header: list[str], names: Sequence[Sequence[str]], rows: Sequence[Measured], where: Console) -> Table:
    def build(count: int, fold: bool) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in header:
            table.add_column(name, overflow="fold", no_wrap=not fold)
        for name in NUMBERS[:count]:
            table.add_column(name, justify="right", no_wrap=True)
        for named, row in zip(names, rows, strict=True):
            table.add_row(*map(cell, named), *numbers(row)[:count])
        return table

    return as_wide_as_possible(build, len(NUMBERS), where)


def numbers(row: Measured) -> list[str]:
    """Write a row's numbers in the order of `NUMBERS`."""
    low, high = row.ci95
    costs = [_short(value) for value in (row.nfe, row.tokens_per_step, row.content_tokens_per_forward)]
    return [f"{100 * row.accuracy:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}", *costs, f"{row.seconds:.2f}"]


def _short(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
