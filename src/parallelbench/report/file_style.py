"""How the figures of a report are saved as files: the formats, and for a paper the width in print and the font."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vl_convert

from parallelbench.errors import UserError
from parallelbench.report.fonts import check_font
from parallelbench.report.theme import ROWS, Spec
from parallelbench.report.vega import compiled, drawn, with_rows

FORMATS = ("svg", "pdf", "png")
UNITS = {"in": 96.0, "cm": 96.0 / 2.54, "mm": 96.0 / 25.4, "pt": 96.0 / 72.0, "px": 1.0}
"""CSS pixels of a unit of length."""
LEAST, MOST = 120.0, 4000.0
PANEL = 190.0
"""The least width of a panel, axes included, in a figure with several panels in a row."""
NARROWEST, LOWEST, FLAT = 60.0, 110.0, 0.75
"""The least width and height of a panel, and its height divided by its width."""
LEGENDS = ((4, 12), (2, 12), (1, 12), (1, 10), (1, 8.5), (1, 7))
"""Columns and font size (CSS pixels) of the legends: the first that leaves a figure no wider than it may be."""
PPI = 300


@dataclass(frozen=True, slots=True)
class FileStyle:
    """Formats of the files (none: CSV only), and a figure's width in CSS pixels and font (None: as on the page)."""

    formats: tuple[str, ...] = ("svg",)
    width: float | None = None
    font: str | None = None


PLAIN_FILES = FileStyle()


def file_style(formats: str, width: str | None, font: str | None) -> FileStyle:
    """Read the options of a command.

    Raises:
        UserError: a format is unknown, the width is no length, or the font is not installed.
    """
    names = tuple(dict.fromkeys(part.strip().lower() for part in formats.split(",") if part.strip()))
    wrong = [name for name in names if name not in FORMATS]
    if wrong or not names:
        raise UserError(f"figures are saved as {', '.join(FORMATS)}, not as '{(wrong or [formats])[0]}'.")
    pixels = None if width is None else _pixels(width)
    if font is not None:
        check_font(font)
    return FileStyle(names, pixels, font)


def _pixels(width: str) -> float:
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(in|cm|mm|pt|px)", width.strip().lower())
    pixels = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not LEAST <= pixels <= MOST:
        raise UserError(f"the width '{width}' is no length from 1.25in to 41in; give a number and a unit, as in 3.25in.")
    return pixels


def save(spec: Spec, path: Path, style: FileStyle) -> None:
    """Write a Vega-Lite spec of `theme.spec_of` as files named `path`, each with the ending of its format."""
    if not style.formats:
        return
    fonted = spec if style.font is None else {**spec, "config": {**spec["config"], "font": style.font}}
    rows = spec["datasets"][ROWS.name]
    svg = _svg(compiled(fonted), rows, style.width)
    for name in style.formats:
        file = path.with_name(f"{path.name}.{name}")
        if name == "svg":
            file.write_text(svg, encoding="utf-8")
        elif name == "pdf":
            file.write_bytes(vl_convert.svg_to_pdf(_in_points(svg)))
        else:
            file.write_bytes(vl_convert.svg_to_png(svg, scale=PPI / 96, ppi=PPI))


def _svg(spec: Spec, rows: list[dict[str, Any]], width: float | None) -> str:
    """Draw a compiled spec, where a width is given as wide as that: legends and titles count, and none is cut off."""
    if width is None:
        return _drawn(spec, rows)
    spec = copy.deepcopy(spec)
    shown = legends(spec)
    panels = int(spec.get("layout", {}).get("columns", 1))
    across = max(1, min(panels, int(width // PANEL)))
    if "layout" in spec:
        spec["layout"]["columns"] = across
    spec["config"].setdefault("legend", {})["layout"] = {"bottom": {"direction": "vertical"}}
    height = next((one["value"] for one in spec.get("signals", []) if one["name"] == "child_height" and "value" in one), None)
    svg = ""
    for columns, size in LEGENDS:
        for legend in shown:
            legend.update(columns=columns, labelFontSize=size)
        panel, before = width / across, float("inf")
        while panel > NARROWEST:
            _size(spec, panel, height)
            svg = _drawn(spec, rows)
            excess = _width(svg) - width
            if excess <= 1.0:
                return svg
            if excess > before - 0.5:
                break  # a legend is wider than the panels, so narrower panels do not help
            before = excess
            panel -= max(1.0, excess / across)
    return svg


def _in_points(svg: str) -> str:
    """An SVG with its size in points, as the PDF converter reads it, and the same contents."""

    def scaled(found: re.Match[str]) -> str:
        return f'{found[1]}="{float(found[2]) * 72 / 96:.2f}"'

    head, end, rest = svg.partition(">")
    return re.sub(r"\b(width|height)=\"([0-9.]+)\"", scaled, head) + end + rest


def _drawn(spec: Spec, rows: list[dict[str, Any]]) -> str:
    return drawn(with_rows(spec, rows))


def _width(svg: str) -> float:
    found = re.search(r'<svg[^>]* width="([0-9.]+)"', svg)
    return float(found[1]) if found else 0.0


def _size(spec: Spec, width: float, height: float | None) -> None:
    """Set the width of each panel, and keep it from being taller than wide; `height` is None where it follows from the rows."""
    signals = {signal["name"]: signal for signal in spec.get("signals", [])}
    if "child_width" not in signals:
        spec["width"] = width
        return
    signals["child_width"]["value"] = width
    if height is not None:
        signals["child_height"]["value"] = min(height, max(LOWEST, FLAT * width))


def legends(value: Any) -> list[Spec]:
    """Every legend of a compiled spec."""
    if isinstance(value, list):
        return [legend for part in value for legend in legends(part)]
    if not isinstance(value, dict):
        return []
    here = [legend for legend in value.get("legends", []) if isinstance(legend, dict)]
    return here + [legend for key, part in value.items() if key != "legends" for legend in legends(part)]
