"""Where the numbers of a report come from, as a list of facts."""

from __future__ import annotations

import shlex
from typing import Any

from parallelbench.report.data import ReportData
from parallelbench.runs.scores import backends

Facts = list[tuple[str, str]]


def facts(data: ReportData) -> Facts:
    """Return names and values for the page's last part; a value that differs between cells is listed once each."""
    run, cells = data.folder.run, data.folder.cells
    origins = [origin for cell in cells for origin in (cell["provenance"], *cell.get("continued", []))]
    listed: Facts = [
        ("command", shlex.join(run["arguments"])),
        (
            "cells",
            f"{len(cells)} of {len(run['cells'])} begun, {sum(data.folder.is_done(cell['id']) for cell in cells)} finished",
        ),
        ("samples", str(len(data.samples))),
        ("model", _each(f"{c['model']}, revision {c['revision']}, {c['dtype']}, template {c['template']}" for c in cells)),
        ("suite", _each(f"{c['suite']}, shots {c['shots']}" for c in cells)),
        ("tasks", _each(f"{c['task']}@{c['task_version']}, {c['canvas_length']} tokens" for c in cells)),
        ("seeds", _each(c["seed"] for c in cells)),
        ("device, batch size", _each(f"{o['device']}, {o['batch_size']}" for o in origins)),
        ("software", _each(", ".join(f"{name} {number}" for name, number in o["packages"].items()) for o in origins)),
        ("commit", _each(_commit(o["git"]) for o in origins)),
        ("machine", _each(f"{o['platform']}, Python {o['python']}" for o in origins)),
        ("metrics", "; ".join(f"{name} by {', '.join(sorted(ways))}" for name, ways in backends(data.folder).items())),
        ("time", f"{run['created']} to {max(o['created'] for o in origins)}"),
        ("run", str(run["identity"])),
    ]
    return listed


def _each(values: Any) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values))


def _commit(git: dict[str, Any] | None) -> str:
    if git is None:
        return "no checkout"
    return f"{git['commit'][:12]}{' with changes' if git['dirty'] else ''}"
