"""Converts a run folder of schema 2, in which records, traces and scores did not say to which cell they belong.

They are given the cell in whose folder they lie. What is damaged is kept as it is, so that the readers name it afterwards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from parallelbench.runs.border import SCHEMA
from parallelbench.runs.calls import CALLS
from parallelbench.runs.cell_folder import RECORDS, TRACES
from parallelbench.runs.disk import disk_errors, locked, write_bytes
from parallelbench.runs.folder import CELLS, RUN
from parallelbench.runs.json_lines import whole_lines
from parallelbench.runs.scores import SCORES

EARLIER = "schema2"
Extents = dict[int, tuple[int, int]]


def convert_schema_2(out: Path) -> int:
    """Convert a folder in place and return the number of its cells; the earlier files are kept in `schema2`.

    Raises:
        DamagedRun: a file is no regular file, or a line is too long.
        UserError: it cannot be written.
    """
    earlier = out / EARLIER
    with locked(out), disk_errors(out):
        earlier.mkdir(exist_ok=True)
        for name in (CELLS, CALLS, RUN):  # run.json last: what was cut off before is begun again
            if (out / name).exists() and not (earlier / name).exists():
                (out / name).replace(earlier / name)
        cells = sorted(path for path in (earlier / CELLS).glob("*") if path.is_dir())
        for cell in cells:
            _convert_cell(cell, out / CELLS / cell.name)
        for path in [*sorted((earlier / CALLS).glob("*")), earlier / RUN]:
            _write(out / path.relative_to(earlier), _json(path.read_bytes()))
    return len(cells)


def _convert_cell(earlier: Path, folder: Path) -> None:
    moved: Extents = {}
    if (earlier / TRACES).is_file():
        data, moved = _traces(earlier / TRACES, earlier.name)
        _write(folder / TRACES, data)
    for path in sorted(one for one in earlier.rglob("*") if one.is_file() and one.name != TRACES):
        target = folder / path.relative_to(earlier)
        if path.name == RECORDS:
            _write(target, b"".join(_record(line, earlier.name, moved) for _, line in whole_lines(path)))
        elif path.parent.name == SCORES:
            lines = [line for _, line in whole_lines(path)]
            _write(target, b"".join([*(_json(line, earlier.name) for line in lines[:1]), *lines[1:]]))
        else:
            _write(target, _json(path.read_bytes()))


def _traces(path: Path, cell: str) -> tuple[bytes, Extents]:
    """The converted traces, and for the first byte of each earlier one: its first byte now, and how many it has."""
    lines, moved, before, now = [], dict[int, tuple[int, int]](), 0, 0
    for _, line in whole_lines(path):
        lines.append(_json(line, cell))
        moved[before] = (now, len(lines[-1]))
        before, now = before + len(line), now + len(lines[-1])
    return b"".join(lines), moved


def _record(line: bytes, cell: str, moved: Extents) -> bytes:
    value = _parsed(line)
    trace = value.get("trace")
    if isinstance(trace, dict) and isinstance(offset := trace.get("offset"), int) and offset in moved:
        value["trace"] = dict(zip(("offset", "size"), moved[offset], strict=True))
    return _dumped(value, cell) if value else line


def _json(data: bytes, cell: str | None = None) -> bytes:
    """A JSON object with the schema of today, and with its cell where one is given; other data as it is."""
    value = _parsed(data)
    return _dumped(value, cell) if value else data


def _parsed(data: bytes) -> dict[str, Any]:
    """A JSON object of schema 2; empty where the data is anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and value.get("schema") == 2 else {}


def _dumped(value: dict[str, Any], cell: str | None) -> bytes:
    marked = {"schema": SCHEMA} | ({} if cell is None else {"cell": cell})
    text = json.dumps({**marked, **value, **marked}, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="surrogatepass") + b"\n"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
