"""What a run or a sweep ends in: means, the hardest task, where the time went, and what to type next."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from parallelbench.cli.tables import decoder_table, results_table
from parallelbench.cli.terminal import console, say

if TYPE_CHECKING:
    from parallelbench.results import DecoderMean, Result, Results

MOST_ROWS = 40
"""Rows of a table that are printed unless the whole table was requested."""
FEW_SAMPLES = 30


def print_summary(results: Results, seconds: float, whole: bool = False) -> None:
    """Print the cells where they are few or `whole` is set, then the summary; `seconds` is how long this call took."""
    out, rows = console(), results.rows
    if not rows:
        say(f"no samples in {results.out}")
        return
    tasks = len({row.task for row in rows})
    shown = whole or len(rows) <= MOST_ROWS
    if shown:
        out.print(results_table(rows, out))
        say()
    if tasks > 1 and results.by_decoder:
        chosen = results.by_decoder if whole else _chosen(results.by_decoder)
        left_out = len(results.by_decoder) - len(chosen)
        said = f", without {left_out} settings that another beats in accuracy and tokens per step" if left_out else ""
        say(f"mean over {tasks} tasks{said}; seconds are those of all samples together:")
        out.print(decoder_table(chosen, out))
        say(_hardest(rows))
    say(_time(rows, seconds))
    where = "all numbers: summary.json" if shown else "each of them: summary.json, the report, or the same command with --table"
    say(f"{len(rows)} cells, {sum(row.samples for row in rows)} samples in {results.out} ({where})")
    for line in _next(results):
        say(line)


def _chosen(means: Sequence[DecoderMean]) -> Sequence[DecoderMean]:
    """All where they are few, else of each model those on its frontier of accuracy against tokens per step."""
    if len(means) <= MOST_ROWS:
        return means
    from parallelbench.analysis.frontier import step_frontier

    chosen: list[DecoderMean] = []
    for model in dict.fromkeys(row.model for row in means):
        of_model = [row for row in means if row.model == model]
        chosen += [of_model[i] for i in step_frontier([(row.tokens_per_step or 0.0, row.accuracy) for row in of_model])]
    return chosen


def _hardest(rows: Sequence[Result]) -> str:
    """The task with the lowest mean accuracy, with its best and its worst decoder."""
    task = min(rows, key=lambda row: _mean([one for one in rows if one.task == row.task])).task
    inside = sorted((row for row in rows if row.task == task), key=lambda row: row.accuracy)
    worst, best = inside[0], inside[-1]
    ends = ", ".join(f"{_percent(row.accuracy)} with {row.decoder}" for row in (best, worst)) if best is not worst else ""
    return f"hardest task: {task}, mean accuracy {_percent(_mean(inside))}{f' ({ends})' if ends else ''}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _mean(rows: Sequence[Result]) -> float:
    return sum(row.accuracy for row in rows) / len(rows)


def _time(rows: Sequence[Result], seconds: float) -> str:
    """How long the call took, and which decoder and task took most of the decoding on disk."""
    total = sum(row.seconds for row in rows)
    text = f"time: {duration(seconds)} for this call; decoding all samples in the folder took {duration(total)}"
    largest = [_largest(rows, key) for key in (lambda row: row.decoder, lambda row: row.task)]
    named = [f"{part:.0%} with {name}" for name, part in largest[:1] if part < 1] + [
        f"{part:.0%} on {name}" for name, part in largest[1:] if part < 1
    ]
    return text + (f" ({', '.join(named)})" if named and total > 0 else "")


def _largest(rows: Sequence[Result], key: Callable[[Result], str]) -> tuple[str, float]:
    spent: dict[str, float] = defaultdict(float)
    for row in rows:
        spent[key(row)] += row.seconds
    name = max(spent, key=lambda one: spent[one])
    return name, spent[name] / max(sum(spent.values()), 1e-9)


def _next(results: Results) -> list[str]:
    """The next commands to type."""
    lines = [f"next: {shlex.join(['parallelbench', 'report', str(results.out)])}"]
    fewest = min(row.samples for row in results.rows)
    if fewest < FEW_SAMPLES:
        lines.append(
            f"      with {fewest} samples a cell the intervals are wide; the same command with a larger --limit adds samples"
        )
    return lines


def duration(seconds: float) -> str:
    """Write a time as 8.1 s, 2:05 min or 1:02:03 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"
