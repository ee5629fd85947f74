"""Shows the order in which a sample was decoded: an SVG map of step against position, and each token in its step's colour."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from parallelbench.runs.records import Record, Trace

SHADES = 10
"""The number of colours from the first step to the last; the page's style sheet defines them as the classes s0 to s9."""


class ShownToken(NamedTuple):
    """One token of the canvas: its text, the colour of the last step that wrote it, and the note that is shown over it."""

    text: str
    shade: int
    note: str


def shade(step: int, steps: int) -> int:
    """Return the index of a step's colour: 0 for the first of `steps` steps, SHADES - 1 for the last."""
    return 0 if steps < 2 else step * (SHADES - 1) // (steps - 1)


def quantity(value: float | None, form: str) -> str:
    """Write a number in the printf format `form`, or "unknown" for None and NaN."""
    return "unknown" if value is None or value != value else form % value


def shown_tokens(record: Record, trace: Trace) -> list[ShownToken]:
    """Return the content tokens of a record, each with its step; where the tokens are unknown, the whole text as one token."""
    if not trace.token_ids:
        return [ShownToken(record.text, 0, "tokens unknown")]
    history = trace.history
    written = {position: (step, confidence) for step, writes in enumerate(history) for position, _, confidence, _ in writes}
    shown = []
    for position, text in enumerate(trace.pieces[: record.content_tokens]):
        step, confidence = written.get(position, (-1, 1.0))
        sure = f"confidence {quantity(confidence, '%.2f')}"
        note = f"step {step + 1} of {len(history)}, {sure}" if step >= 0 else "given"
        shown.append(ShownToken(text.replace("\n", "⏎\n"), shade(max(step, 0), len(history)), note))
    return shown


def step_map(record: Record, trace: Trace) -> Markup:
    """Draw a map with steps from top to bottom and positions from left to right, as SVG.

    A cell is filled where the step committed or edited a token, and outlined where it remasked one. A dashed line marks the end
    of the content tokens.
    """
    history = trace.history
    width, steps = len(trace.token_ids), max(1, len(history))
    cell = 10.0
    tall = min(cell, max(2.0, 170.0 / steps))
    commits: dict[int, list[str]] = {}
    remasked: list[str] = []
    for step, writes in enumerate(history):
        for position, _, _, action in writes:
            box = f"M{position * cell:g} {step * tall:g}h{cell - 1:g}v{max(tall - 0.7, 1.2):g}h-{cell - 1:g}z"
            if action == "remask":
                remasked.append(box)
            else:
                commits.setdefault(shade(step, len(history)), []).append(box)
    paths = "".join(f'<path class="s{number}" d="{"".join(boxes)}"/>' for number, boxes in sorted(commits.items()))
    if remasked:
        paths += f'<path class="taken" d="{"".join(remasked)}"/>'
    content = min(record.content_tokens or 0, width) * cell
    end = f'<path class="end" d="M{content:g} 0v{steps * tall:g}"/>'
    size = f'viewBox="0 0 {width * cell:g} {steps * tall:g}" width="{width * cell:g}" height="{steps * tall:g}"'
    label = f"{steps} steps by {width} positions"
    return Markup(f'<svg class="strip" role="img" aria-label="{label}" {size}>{paths}{end}</svg>')  # numbers only: safe
