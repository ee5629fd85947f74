"""How a sample was decoded: a map of step against position, and its tokens in the colour of their step."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from parallelbench.runs.records import Record, Trace

SHADES = 10
"""Colours of the ramp from the first step to the last; the page's style sheet defines them as s0 ... s9."""


class Piece(NamedTuple):
    """One token of the canvas: its text, the shade of the step that wrote it last, and what to say about it."""

    text: str
    shade: int
    note: str


def shade(step: int, steps: int) -> int:
    """Return the colour of a step: 0 for the first, SHADES - 1 for the last."""
    return 0 if steps < 2 else step * (SHADES - 1) // (steps - 1)


def quantity(value: float | None, form: str) -> str:
    """Write a number; None and NaN are unknown."""
    return "unknown" if value is None or value != value else form % value


def pieces(record: Record, trace: Trace) -> list[Piece]:
    """Return the content tokens of a record, each with its step; the whole text as one where its tokens are unknown."""
    if not trace.token_ids:
        return [Piece(record.text, 0, "tokens unknown")]
    history = trace.history
    written = {position: (step, confidence) for step, writes in enumerate(history) for position, _, confidence, _ in writes}
    shown = []
    for position, text in enumerate(trace.pieces[: record.content_tokens]):
        step, confidence = written.get(position, (-1, 1.0))
        sure = f"confidence {quantity(confidence, '%.2f')}"
        note = f"step {step + 1} of {len(history)}, {sure}" if step >= 0 else "given"
        shown.append(Piece(text.replace("\n", "⏎\n"), shade(max(step, 0), len(history)), note))
    return shown


def heat_strip(record: Record, trace: Trace) -> Markup:
    """Draw step (down) against position (right) as SVG: filled where a token was written, outlined where it was taken back."""
    history = trace.history
    width, steps = len(trace.token_ids), max(1, len(history))
    cell = 10.0
    tall = min(cell, max(2.0, 170.0 / steps))
    commits: dict[int, list[str]] = {}
    taken: list[str] = []
    for step, writes in enumerate(history):
        for position, _, _, action in writes:
            box = f"M{position * cell:g} {step * tall:g}h{cell - 1:g}v{max(tall - 0.7, 1.2):g}h-{cell - 1:g}z"
            if action == "remask":
                taken.append(box)
            else:
                commits.setdefault(shade(step, len(history)), []).append(box)
    paths = "".join(f'<path class="s{number}" d="{"".join(boxes)}"/>' for number, boxes in sorted(commits.items()))
    if taken:
        paths += f'<path class="taken" d="{"".join(taken)}"/>'
    content = min(record.content_tokens or 0, width) * cell
    end = f'<path class="end" d="M{content:g} 0v{steps * tall:g}"/>'
    size = f'viewBox="0 0 {width * cell:g} {steps * tall:g}" width="{width * cell:g}" height="{steps * tall:g}"'
    label = f"{steps} steps by {width} positions"
    return Markup(f'<svg class="strip" role="img" aria-label="{label}" {size}>{paths}{end}</svg>')  # numbers only: safe
