"""What the player of a page knows of one sample, as a JSON value: its steps, its texts and its costs, cleaned for a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parallelbench.analysis.examples import Example
from parallelbench.clean import for_message, for_terminal
from parallelbench.report.trace_view import TraceView, shown_token
from parallelbench.runs.folder import StoredCell, StoredRun

LayOut = Callable[[StoredRun, StoredCell, Example, bool], TraceView]
"""Lays out a sample step by step; the last argument says whether the law of its right answers is looked at."""
LONGEST = 20_000
"""Characters of a prompt or an answer that are shown."""
LONGEST_NAME = 200


def sample_data(view: TraceView, example: Example) -> dict[str, Any]:
    """Return how a sample was decoded: texts of tokens by number, the canvas before the first forward, and what each changed.

    A write is the position, the number of the text and the confidence.
    """
    numbers: dict[str, int] = {}

    def number(text: str | None) -> int | None:
        return None if text is None else numbers.setdefault(text, len(numbers))

    start = [number(text) for text in view.start]
    steps = [
        {
            "written": [[position, number(step.canvas[position]), sure] for position, sure in step.written.items()],
            "masked": list(step.masked),
        }
        for step in view.steps
    ]
    broke = view.collision
    return {
        **{name: readable(getattr(view, name)) for name in ("question", "answer", "expected", "verdict")},
        "texts": [shown_token(text) for text in numbers],
        "start": start,
        "steps": steps,
        "hidden": view.hidden,
        "right": view.right,
        "collision": None if broke is None else {"forward": broke.forward, "positions": list(broke.positions)},
        "numbers": [[shown(name), shown(value)] for name, value in view.numbers],
        "name": shown(example.record.sample_id),
        "reasons": [shown(label) for label in example.labels],
        "prompt": readable(example.trace.prompt),
        "thought": readable(example.trace.thought or ""),
    }


def readable(text: str) -> str:
    """Return the beginning of a text from outside with its line ends, without what is invisible or changes the direction."""
    return for_terminal(text[:LONGEST]) + (" …" if len(text) > LONGEST else "")


def shown(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text from outside on one line, without characters that are invisible or change the direction of writing."""
    cleaned = for_message(text[:longest])
    return cleaned if len(text) <= longest else cleaned + "…"
