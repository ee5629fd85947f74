"""Packs what a page needs to draw its figures (compiled specs, rows as tables) as compressed text for a script element."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from parallelbench.analysis.frontier import Rows
from parallelbench.clean import for_xml
from parallelbench.report import emphasis, vega
from parallelbench.report.direct_labels import width_of
from parallelbench.report.figures import Figure
from parallelbench.report.speeds import UNITS, known_units, titles
from parallelbench.report.theme import ROWS, Spec

AXIS = 56
"""Pixels beside a panel for its axis."""
DIGITS = 6
"""How many significant digits of a number a page keeps; the CSV files hold all of them."""


def packed(text: str) -> str:
    """Compress a text (gzip, base64); equal texts give equal results."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def figures_json(figures: Sequence[Figure]) -> str:
    """Return what draws the figures: `{"titles": {unit: title}, "figures": {id: {spec, units, columns, rows}}}`."""
    titled = {unit.column: unit.title for unit in UNITS}
    shown = {"titles": titles(), "names": titled, "figures": {figure.id: _figure(figure) for figure in figures}}
    return json.dumps(shown, separators=(",", ":"), allow_nan=False)


def _figure(figure: Figure) -> dict[str, Any]:
    rows: Rows = figure.spec["datasets"][ROWS.name]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    spec = vega.compiled(figure.spec)
    signals = {signal["name"] for signal in spec.get("signals", [])}
    follows = "speed" in signals
    names = sorted({str(row["family"]) for row in rows if "family" in row})
    return {
        "spec": _for_page(spec, {str(row.get("family")) for row in rows}) if follows else spec,
        "units": [unit.column for unit in known_units(rows)] if follows else [],
        "margin": AXIS + (width_of(names) if emphasis.FULL in signals else 0),
        "columns": columns,
        "rows": [[_short(row.get(name)) for name in columns] for row in rows],
    }


def _for_page(spec: Spec, families: set[str]) -> Spec:
    """A compiled spec of which the title of the speed axis follows the unit, without a legend of decoders: the page has one."""
    names = [unit.title for unit in UNITS]
    listed = [scale["name"] for scale in spec.get("scales", []) if _names_families(scale, families)]
    changed: Spec = _retitled(spec, names, listed)
    changed["signals"] = [*changed["signals"], {"name": "titles", "value": titles()}]
    return changed


def _names_families(scale: Spec, families: set[str]) -> bool:
    domain = scale.get("domain")
    return isinstance(domain, list) and bool(domain) and set(map(str, domain)) <= families


def _retitled(value: Any, names: list[str], scales: list[str]) -> Any:
    """A part of a spec with the titles that follow the unit, and without the legends of these scales."""
    if isinstance(value, list):
        return [_retitled(part, names, scales) for part in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _retitled(part, names, scales) for key, part in value.items()}
    if "scale" in changed and "orient" in changed and changed.get("title") in names:
        changed["title"] = {"signal": "titles[speed]"}
    if "legends" in changed:
        channels = ("stroke", "fill", "strokeDash", "shape")
        changed["legends"] = [
            legend for legend in changed["legends"] if not {legend.get(name) for name in channels} - {None} <= set(scales)
        ]
    return changed


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return for_xml(value) if isinstance(value, str) else value
