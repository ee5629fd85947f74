"""`parallelbench compare`: the differences between two runs, sample by sample, with intervals."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from parallelbench.cli.arguments import AsJson
from parallelbench.errors import UnknownName, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parallelbench.analysis.compare import Comparison, RunComparison

Patterns = list[str] | None
MOST_ROWS = 40
MOST_REASONS = 12


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run folder.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another; the same folder twice compares its settings.")],
    by: Annotated[
        str | None, typer.Option("--by", metavar="decoder|model|setting|same", help="What differs between the two sides.")
    ] = None,
    task: Annotated[
        Patterns, typer.Option("--task", "-t", help="Only tasks of this name; * matches any text; repeatable.")
    ] = None,
    decoder: Annotated[Patterns, typer.Option("--decoder", "-d", help="Only decoders of this name; repeatable.")] = None,
    model: Annotated[Patterns, typer.Option("--model", "-m", help="Only models of this name; repeatable.")] = None,
    table: Annotated[bool, typer.Option("--table", help="Print every comparison, however many there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two runs sample by sample, with intervals.

    A difference is B minus A over the samples that both decoded; its interval and the verdict are corrected for the number of
    comparisons. Example: parallelbench compare out/mine out/theirs --by decoder
    """
    from parallelbench.analysis.comparable import By
    from parallelbench.analysis.compare import compare
    from parallelbench.cli.terminal import say
    from parallelbench.runs.folder import read_run

    if by is not None and by not in get_args(By):
        raise UnknownName("kind of comparison", by, get_args(By))
    runs = [read_run(path).select(task or (), decoder or (), model or ()) for path in (a, b)]
    found = compare(runs[0], runs[1], cast("By | None", by))
    if not found.by_task:
        reasons = "; ".join(f"{one.what}: {one.why}" for one in found.not_comparable[:3])
        raise UserError(f"{a} and {b} hold nothing that can be compared ({reasons or 'one of them has no samples'}).")
    say(f"A is {a}, B is {b}; compared by {found.by}. Differences are B minus A in points, with corrected 95 % intervals.")
    _show(found, table)
    if as_json:
        print(json.dumps({"a": str(a), "b": str(b), **as_object(found)}, allow_nan=False))


def as_object(found: RunComparison) -> dict[str, Any]:
    """The comparison as a JSON object; None where a number is unknown."""
    return {
        "by": found.by,
        "comparisons": [_entry(one) for one in found.by_task],
        "means": [_entry(one) for one in found.means],
        "not_comparable": [asdict(one) for one in found.not_comparable],
    }


def _entry(one: Comparison) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in asdict(one).items()}


def _show(found: RunComparison, whole: bool) -> None:
    from parallelbench.cli.terminal import say

    if found.means:
        _table(found.means, "means over tasks:", whole)
        say()
    _table(found.by_task, "by task:", whole)
    for family, name in ((found.means, "means over tasks"), (found.by_task, "single tasks")):
        counts = Counter(one.verdict for one in family)
        if family:
            said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("better", "worse", "cannot tell"))
            say(f"of {len(family)} comparisons of {name}, B is: {said}")
    reasons = found.not_comparable
    for one in reasons[:MOST_REASONS]:
        say(f"not compared: {one.what}: {one.why}")
    if len(reasons) > MOST_REASONS:
        say(f"not compared: {len(reasons) - MOST_REASONS} more (--json lists all)")


def _table(rows: Sequence[Comparison], title: str, whole: bool) -> None:
    """Print comparisons; of many those with the smallest p, unless `whole`."""
    from parallelbench.cli.terminal import console, say, table_of

    shown = rows if whole or len(rows) <= MOST_ROWS else sorted(rows, key=lambda one: one.p)[:MOST_ROWS]
    left_out = (
        f" ({len(shown)} of {len(rows)}, those with the smallest p; --table prints all)" if len(shown) < len(rows) else ""
    )
    say(title + left_out)
    several = len({one.context for one in rows}) > 1
    header = [*(["in both"] if several else []), "task" if rows[0].task else "tasks", "A", "B", "n"]
    header += ["acc A", "acc B", "difference", "nfe A", "nfe B", "p", "B is"]
    lines = [
        [
            *([one.context] if several else []), one.task or str(one.tasks), one.a, one.b, str(one.n),
            f"{100 * one.accuracy_a:.1f}", f"{100 * one.accuracy_b:.1f}",
            f"{100 * one.difference:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]",
            _number(one.nfe_a), _number(one.nfe_b), f"{one.p:.3f}" if one.p >= 0.001 else "<.001", one.verdict,
        ]
        for one in shown
    ]  # fmt: skip
    console().print(table_of(header, lines, right=8))


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"
