"""Draws how one answer was decoded as an animated GIF, for slides that show no animated SVG: one picture for each forward."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import vl_convert

from parallelbench.errors import MissingExtra, UserError
from parallelbench.report.trace_clock import Frame
from parallelbench.report.trace_svg import draw, seconds_of
from parallelbench.report.trace_view import TraceView

if TYPE_CHECKING:
    from PIL import Image

SCALE = 1.5
"""Pixels for each unit of the SVG."""
COLOURS = 32
LAST_SECONDS = 4.0
"""How long the end is shown before the picture begins again."""
MOST_BYTES = 2_000_000


def trace_gif(view: TraceView) -> bytes:
    """Draw an answer step by step.

    Raises:
        MissingExtra: Pillow is not installed.
        UserError: the picture would be larger than 2 MB.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("a GIF", "gif") from error
    palette = _picture(view, len(view.steps) - 1).quantize(COLOURS)
    first, *others = range(-1, len(view.steps))

    def frame(forward: int) -> Image.Image:
        return _picture(view, forward).quantize(palette=palette, dither=Image.Dither.NONE)

    durations = [round(1000 * seconds_of(view))] * len(others) + [round(1000 * LAST_SECONDS)]
    file = io.BytesIO()
    later = map(frame, others)  # one at a time, because a long answer has hundreds of pictures
    frame(first).save(file, "GIF", save_all=True, append_images=later, duration=durations, loop=0, optimize=True)
    if (size := file.tell()) > MOST_BYTES:
        raise UserError(
            f"the picture of this answer would have {size // 1000} kB, more than {MOST_BYTES // 1000}; write an SVG "
            "(--svg FILE), or choose a sample with fewer forwards."
        )
    return file.getvalue()


def _picture(view: TraceView, forward: int) -> Image.Image:
    """The canvas after a forward, in true colours."""
    from PIL import Image

    svg = draw(view, Frame(forward), with_confidence=True)
    return Image.open(io.BytesIO(vl_convert.svg_to_png(svg, scale=SCALE))).convert("RGB")
