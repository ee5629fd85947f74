"""Draws how one answer was decoded as an animated SVG: CSS keyframes alone, no script, and at its end a still of the whole.

Every element has its place in the still, and an animation that hides it until (or shows it only while) its forward runs. So a
program that does not animate, and a reader who prefers reduced motion, see the still.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from rich.cells import cell_len

from parallelbench.clean import for_message, for_xml
from parallelbench.errors import UserError
from parallelbench.report.theme import INK, QUIET
from parallelbench.report.trace_clock import Animated, Clock
from parallelbench.report.trace_view import Step, TraceView, shown_token

MOST_BYTES = 200_000
WIDTH, MARGIN, ROW, LETTER = 760, 20, 46, 8.5
SECONDS = 0.9
"""How long each forward is shown; long answers are shown faster, in at most 40 s."""
LONGEST = 40.0
QUESTION_LINES, ANSWER_LETTERS = 6, 92
BROKEN, NOW, MASK = "#b2182b", "#f2b33d", "#e4e7eb"
STYLE = (
    "text{{font:14px ui-monospace,Menlo,Consolas,monospace;fill:{ink};white-space:pre}}"
    ".h{{font-weight:bold}}.q,.c{{fill:{quiet};font-size:12px}}.c{{font-size:10px;text-anchor:middle}}.b{{fill:{broken}}}"
    ".m{{fill:{mask}}}.t{{fill:#fff;stroke:#cbd2d9}}.n{{fill:{now}}}.x{{fill:none;stroke:{broken};stroke-width:2.5}}"
)


class Box(NamedTuple):
    """Where a position of the canvas is drawn: its left and upper corner and its width."""

    x: float
    y: float
    width: float


class Life(NamedTuple):
    """A token of a position: its text, the forwards after which it appears and disappears (None: never); -1 is the start."""

    text: str
    first: int
    last: int | None


def trace_svg(view: TraceView) -> str:
    """Draw an answer step by step.

    Raises:
        UserError: the picture would be larger than 200 kB even without the confidences.
    """
    for with_confidence in (True, False):
        text = draw(view, Animated(seconds_of(view)), with_confidence)
        if (size := len(text.encode())) <= MOST_BYTES:
            return text
    raise UserError(
        f"the picture of this answer would have {size // 1000} kB, more than {MOST_BYTES // 1000}; choose a sample with fewer "
        "forwards or a shorter canvas."
    )


def seconds_of(view: TraceView) -> float:
    """How long each forward is shown."""
    return min(SECONDS, LONGEST / max(1, len(view.steps)))


def draw(view: TraceView, clock: Clock, with_confidence: bool) -> str:
    """Draw an answer as an SVG whose parts are shown when `clock` says."""
    lives = [_lives(view, position) for position in range(len(view.start))]
    question = _wrapped(view.question)
    top = MARGIN + 22 + 16 * len(question) + 28
    boxes = _boxes(lives, top)
    verdict = textwrap.wrap(_clean(view.verdict), 84)
    below = (boxes[-1].y if boxes else top) + ROW + 22
    height = below + 18 * len(verdict) + MARGIN
    parts = [*_words(view, question), *_steps(view, clock, top)]
    for place, (position, box) in enumerate(zip(lives, boxes, strict=True)):
        parts += _position(position, box, clock)
        parts += _writes(view.steps, place, box, clock, with_confidence)
    parts += _marks(view, boxes, clock)
    broke = len(view.steps) - 1 if view.collision is None else view.collision.forward
    style = "" if view.right else ' class="b"'
    lines = "".join(f'<text x="{MARGIN}" y="{below + 18 * at:g}"{style}>{_xml(line)}</text>' for at, line in enumerate(verdict))
    parts.append(f"<g {clock.when('on', broke)}>{lines}</g>")
    css = STYLE.format(ink=INK, quiet=QUIET, broken=BROKEN, mask=MASK, now=NOW) + clock.css
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    about = f"<title>{_xml(view.title)}</title><desc>{_xml(_clean(view.verdict))}</desc>"
    back = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} role="img">{about}<style>{css}</style>{back}{"".join(parts)}</svg>\n'


def _clean(text: str) -> str:
    return for_xml(for_message(text))


def _xml(text: str) -> str:
    return escape(for_xml(text))


def _wrapped(question: str) -> list[str]:
    """The question in at most six lines."""
    lines = [line for one in question.strip().splitlines() for line in textwrap.wrap(_clean(one), ANSWER_LETTERS) or [""]]
    return lines if len(lines) <= QUESTION_LINES else [*lines[: QUESTION_LINES - 1], "…"]


def _words(view: TraceView, question: Sequence[str]) -> Iterator[str]:
    yield f'<text class="h" x="{MARGIN}" y="{MARGIN + 8}">{_xml(_clean(view.title)[:86])}</text>'
    for at, line in enumerate(question):
        yield f'<text class="q" x="{MARGIN}" y="{MARGIN + 30 + 16 * at}">{_xml(line)}</text>'


def _steps(view: TraceView, clock: Clock, top: float) -> Iterator[str]:
    """The number of the forward, over the canvas; that of the last one stays."""
    last = len(view.steps) - 1
    for number in range(len(view.steps)):
        shown = clock.when("on" if number == last else "now", number, "q")
        label = f"forward {number + 1} of {len(view.steps)}"
        yield f'<text {shown} x="{MARGIN}" y="{top - 10:g}">{label}</text>'


def _lives(view: TraceView, position: int) -> list[Life]:
    """The tokens that a position held, one after another."""
    found, now, since = list[Life](), view.start[position], -1
    for number, step in enumerate(view.steps):
        text = step.canvas[position]
        if text != now:
            found += [] if now is None else [Life(now, since, number)]
            now, since = text, number
    return found + ([] if now is None else [Life(now, since, None)])


def _boxes(lives: Sequence[Sequence[Life]], top: float) -> list[Box]:
    """Lay the positions out in rows, each as wide as its widest token; a row ends at the margin and after a line end."""
    boxes, x, y = list[Box](), float(MARGIN), top
    for tokens in lives:
        width = min(WIDTH - 2 * MARGIN, LETTER * max([1, *(cell_len(_token(one.text)) for one in tokens)]) + 8)
        if x + width > WIDTH - MARGIN and x > MARGIN:
            x, y = float(MARGIN), y + ROW
        boxes.append(Box(x, y, width))
        x += width + 3
        if tokens and tokens[-1].text.endswith("\n"):
            x, y = float(MARGIN), y + ROW
    return boxes


def _token(text: str) -> str:
    return for_xml(shown_token(text)).replace(" ", "\u00a0") or "\u00a0"


def _position(tokens: Sequence[Life], box: Box, clock: Clock) -> Iterator[str]:
    """The mask of a position, and over it the tokens that it held; the last is what the still shows."""
    frame = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="26" rx="4"'
    yield f'<rect class="m" {frame}/>'
    for one in tokens:
        text = escape(_token(one.text))
        fitted = (
            f'textLength="{box.width - 8:g}" lengthAdjust="spacingAndGlyphs"' if cell_len(text) * LETTER > box.width else ""
        )
        drawn = f'<rect class="t" {frame}/><text x="{box.x + 4:g}" y="{box.y + 18:g}" {fitted}>{text}</text>'
        if one.first >= 0:
            drawn = f"<g {clock.when('on', one.first)}>{drawn}</g>"
        yield drawn if one.last is None else f"<g {clock.when('off', one.last)}>{drawn}</g>"


def _writes(steps: Sequence[Step], place: int, box: Box, clock: Clock, with_confidence: bool) -> Iterator[str]:
    """A bar under a position, and its confidence, while the forward that wrote it is shown; those of the last one stay."""
    for number, step in enumerate(steps):
        if place in step.written:
            sure = step.written[place] if with_confidence else None
            label = (
                "" if sure is None else f'<text class="c" x="{box.x + box.width / 2:g}" y="{box.y + 41:g}">{sure:.2f}</text>'
            )
            bar = f'<rect class="n" x="{box.x:g}" y="{box.y + 27:g}" width="{box.width:g}" height="4"/>'
            shown = clock.when("on" if number == len(steps) - 1 else "now", number)
            yield f"<g {shown}>{bar}{label}</g>"


def _marks(view: TraceView, boxes: Sequence[Box], clock: Clock) -> Iterator[str]:
    """The outlines of the writes that exclude each other."""
    if view.collision is not None:
        for position in view.collision.positions:
            x, y, width = boxes[position]
            frame = f'x="{x - 1.5:g}" y="{y - 1.5:g}" width="{width + 3:g}" height="29" rx="5"'
            yield f"<rect {clock.when('on', view.collision.forward, 'x')} {frame}/>"
