"""Whether a font is installed, found out by drawing with it: what draws the figures takes another font without a word."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from xml.sax.saxutils import quoteattr

import vl_convert

from parallelbench.clean import for_message, for_xml
from parallelbench.errors import UserError, suggestion

GENERIC = ("serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui")
"""Names that every renderer understands and that name no font in particular."""
LONGEST, MOST_LISTED, MOST_BYTES = 200, 40, 1 << 20
_TEXT = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="220" height="40">'
    '<text x="2" y="30" font-size="24" font-family={}>Rag1 WMil 089</text></svg>'
)


def check_font(font: str) -> None:
    """Refuse a font with which nothing is drawn. A list of fonts, divided by commas, needs one that is installed.

    Raises:
        UserError: no such font is installed; the message names those that are.
    """
    names = [part.strip().strip("'\"").strip() for part in font.split(",")]
    if len(font) <= LONGEST and any(name in GENERIC or (name and is_drawn(name)) for name in names):
        return
    raise UserError(f"no font '{for_message(font)[:60]}' is installed; {_installed(font[:LONGEST])}")


def is_drawn(name: str) -> bool:
    """Whether this font is used where it is named: a text looks other than in at least one of two other fonts."""
    quoted = "'" + for_xml(name).replace("\\", "").replace("'", "") + "'"
    return any(_drawn(f"{quoted}, {other}") != _fallback(other) for other in ("serif", "monospace"))


def _drawn(family: str) -> bytes:
    return bytes(vl_convert.svg_to_png(_TEXT.format(quoteattr(family))))


@cache
def _fallback(family: str) -> bytes:
    return _drawn(family)


def _installed(font: str) -> str:
    """The end of a sentence: the installed fonts with the nearest names, or all of them where these are not many."""
    names = sorted({name for name in _listed() if is_drawn(name)})
    if not names:
        return "name another one, or leave --font out."
    if len(names) > MOST_LISTED:
        return suggestion(font, names)[:2000]
    return f"installed are: {', '.join(names)}."


def _listed() -> list[str]:
    """The families that fontconfig lists; none where it is not installed or does not answer."""
    tool = shutil.which("fc-list")
    if tool is None:
        return []
    try:
        done = subprocess.run([tool, ":", "family"], capture_output=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    lines = done.stdout[:MOST_BYTES].decode("utf-8", "replace").splitlines()
    return [for_message(line.split(",")[0].strip()) for line in lines if line.strip()]
