"""How one answer was decoded, as the terminal and the animated SVG show it: a canvas for each forward, and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parallelbench.analysis.collisions import REMASK, Collision, initial_canvas
from parallelbench.clean import for_message
from parallelbench.report.decoding_order import quantity
from parallelbench.runs.cell import Cell
from parallelbench.runs.records import Record, Trace
from parallelbench.runs.short_settings import short_specs

LONGEST_TOKEN = 40
"""Characters of a token that are shown; a longer one ends in "…"."""
LONGEST_QUESTION = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """One forward: the canvas after it (None where masked), the confidence of each position it wrote, and what it masked."""

    canvas: tuple[str | None, ...]
    written: Mapping[int, float | None]
    masked: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TraceView:
    """One answer step by step. All texts are from outside and still have to be cleaned for where they are shown.

    Attributes:
        title: task, model and decoder.
        question: the question, without demonstrations where the sample is known, else the prompt.
        answer: the whole answer as text; `right` is whether its headline score is 1, `expected` is one right answer.
        steps: one for each forward; positions beyond `len(step.canvas)` hold nothing of the answer and are left out.
        hidden: how many positions are left out.
        start: the canvas before the first forward.
        collision: what made a right answer impossible, where that is known.
        verdict: the sentence that says how the answer broke, or that it is right.
        numbers: the costs and scores, as names and values.
    """

    title: str
    question: str
    answer: str
    expected: str
    right: bool
    start: tuple[str | None, ...]
    steps: tuple[Step, ...]
    hidden: int
    collision: Collision | None
    verdict: str
    numbers: Sequence[tuple[str, str]]


def shown_token(text: str) -> str:
    """Return the text of a token on one line, with line ends as ⏎, escapes for what is invisible, and at most 40 characters."""
    shown = for_message(text.replace("\n", "⏎"))
    return shown if len(shown) <= LONGEST_TOKEN else shown[: LONGEST_TOKEN - 1] + "…"


def trace_view(
    cell: Cell, record: Record, trace: Trace, *, scores: Mapping[str, float], question: str | None, texts: Mapping[int, str],
    collision: Collision | None, reasons: Sequence[str], unknown: str,
) -> TraceView:  # fmt: skip
    """Lay out how a sample was decoded.

    Args:
        cell: what it is a sample of.
        record, trace: the sample and its history.
        scores: its scores, those included that were computed after the run.
        question: the question; None shows the prompt.
        texts: texts of token ids that are no longer on the canvas.
        collision: what `analysis.collisions` found.
        reasons: the reasons why the answer is wrong, in words, said where there is no collision.
        unknown: why no collision could be looked for; empty where it was.
    """
    known = {**texts, **dict(zip(trace.token_ids, trace.pieces, strict=False))}
    marked = () if collision is None else collision.positions
    width = min(len(trace.token_ids), max([(record.content_tokens or 0) + 1, *(at + 1 for at in marked)]))
    drawn = _drawn(trace, initial_canvas(record, trace)[:width].tolist(), known)
    right = scores.get(cell.metrics[0]) == 1.0
    return TraceView(
        title=f"{cell.task}  {cell.model}  {short_specs([cell.decoder])[0]}",
        question=(question or trace.prompt)[-LONGEST_QUESTION:],
        answer=record.text,
        expected=trace.answer,
        right=right,
        start=drawn[0],
        steps=tuple(_step(canvas, writes, width) for canvas, writes in zip(drawn[1:], trace.history, strict=True)),
        hidden=len(trace.token_ids) - width,
        collision=collision,
        verdict=_verdict(right, collision, drawn, reasons, unknown),
        numbers=_numbers(record, scores),
    )


def _drawn(trace: Trace, start: Sequence[int], known: Mapping[int, str]) -> list[tuple[str | None, ...]]:
    """The texts of the first positions before the first forward and after each; None where masked."""
    row: list[str | None] = [None if token < 0 else known.get(token, f"#{token}") for token in start]
    rows = [tuple(row)]
    for writes in trace.history:
        for position, token, _, action in writes:
            if position < len(row):
                row[position] = None if action == REMASK else known.get(token, f"#{token}")
        rows.append(tuple(row))
    return rows


def _step(canvas: tuple[str | None, ...], writes: Sequence[tuple[int, int, float | None, str]], width: int) -> Step:
    inside = [(position, confidence, action) for position, _, confidence, action in writes if position < width]
    written = {position: confidence for position, confidence, _ in inside if canvas[position] is not None}
    return Step(canvas, written, tuple(position for position, _, action in inside if action == REMASK))


def _verdict(
    right: bool, collision: Collision | None, canvas: Sequence[Sequence[str | None]], reasons: Sequence[str], unknown: str
) -> str:
    if right:
        return "The answer is right."
    if collision is None:
        why = f" ({'; '.join(reasons)})" if reasons else ""
        return f"The answer is wrong{why}. {unknown or 'No forward can be named that made a right answer impossible.'}".strip()
    after = canvas[collision.forward + 1]
    wrote = [f"'{shown_token(after[at] or '')}' at position {at}" for at in collision.positions]
    number = collision.forward + 1
    if len(wrote) == 1:
        return (
            f"Forward {number} wrote {wrote[0]}, and no right answer that agreed with the canvas before has it: this one write "
            "was wrong, whatever else was written."
        )
    if len(wrote) == 2:
        return (
            f"Forward {number} wrote {wrote[0]} and {wrote[1]}: each alone could still become a right answer, and no right "
            "answer has both."
        )
    return (
        f"Forward {number} wrote {', '.join(wrote[:-1])} and {wrote[-1]}: any two of them are possible, and all together not."
    )


def _numbers(record: Record, scores: Mapping[str, float]) -> list[tuple[str, str]]:
    costs = record.costs
    roles = ", ".join(f"{count} {role}" for role, count in costs.nfe.items())
    shown = [
        ("nfe", quantity(record.nfe, "%d") + (f" ({roles})" if roles else "")),
        ("tokens per step", quantity(record.tokens_per_step, "%.2f")),
        ("content tokens per forward", quantity(record.content_tokens_per_forward, "%.2f")),
        ("rows", quantity(costs.rows, "%d")),
        ("query tokens", quantity(costs.q_tokens, "%d")),
        ("attended keys", quantity(costs.kv_tokens, "%d")),
        ("FLOPs", quantity(costs.flops, "%.3g")),
        ("seconds", quantity(record.seconds, "%.3g")),
        *((name, f"{value:g}") for name, value in scores.items()),
    ]
    return [*shown, ("flags", ", ".join(costs.flags))] if costs.flags else shown
