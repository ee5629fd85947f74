"""Lists the models, tasks, versions and settings that the numbers of a report come from."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from itertools import pairwise

from parallelbench.analysis.names import name_cells
from parallelbench.report.data import ReportData
from parallelbench.report.tables import Cell, Table
from parallelbench.runs.calls import changed_packages
from parallelbench.runs.folder import StoredRun

Facts = list[tuple[str, str]]


def facts(data: ReportData) -> Facts:
    """Return names and values for the page's last part; a value that differs between cells is listed once each."""
    run = data.run
    cells, calls = [stored.cell for stored in run.cells], run.calls
    sessions = [session for stored in run.cells for session in stored.sessions]
    environments = [session.environment for session in sessions]
    done = len(run.planned) - len(data.unfinished)
    listed: Facts = [
        ("folders", _each(folder.path for folder in run.folders)),
        ("command", _each(shlex.join(call.arguments) for call in calls)),
        ("cells", f"{len(cells)} of {len(run.planned)} begun, {done} finished"),
        ("samples", str(len(data.samples))),
        ("model", _each(f"{c.model}, revision {c.revision}, {c.dtype}, template {c.template}" for c in cells)),
        ("suite", _each(f"{c.suite}, shots {c.shots}" for c in cells)),
        ("tasks", _each(f"{c.task}@{c.task_version}, {c.canvas_length} tokens" for c in cells)),
        ("seeds", _each(c.seed for c in cells)),
        ("device, batch size", _each(f"{session.device}, {session.batch_size}" for session in sessions)),
        ("software", _each(", ".join(f"{name} {number}" for name, number in e.packages.items()) for e in environments)),
        ("commit", _each(_commit(e.git) for e in environments)),
        ("machine", _each(f"{e.platform}, Python {e.python}" for e in environments)),
        ("metrics", "; ".join(f"{name} by {', '.join(sorted(ways))}" for name, ways in data.backends.items())),
        ("time", _each(f"{call.started} to {call.ended or 'an end that was not written'} ({call.outcome})" for call in calls)),
        *_mixed(run),
    ]
    return listed


def settings_in_full(data: ReportData) -> Table:
    """The name of every setting on the page, and the decoder with all of its parameters."""
    named = zip(data.run.cells, name_cells(data.run), strict=True)
    full = {names["decoder"]: stored.cell.decoder for stored, names in named}
    caption = "Settings in full: on this page a parameter that has its default value is left out, unless the run varies it"
    return Table(caption, ["setting", "with all parameters"], [[Cell(a), Cell(b)] for a, b in full.items()], folded=True)


def _mixed(run: StoredRun) -> Facts:
    """The cells of which the parts were made with different versions."""
    found: list[str] = []
    for stored in run.cells:
        for before, after in pairwise(stored.sessions):
            if changed := changed_packages(before.environment, after.environment):
                found.append(f"{stored.cell.task}, {stored.cell.decoder}: {changed}")
    return [("made with several versions", _each(found))] if found else []


def _each(values: Iterable[object]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values))


def _commit(git: Mapping[str, str | bool] | None) -> str:
    if git is None:
        return "no checkout"
    return f"{str(git['commit'])[:12]}{' with changes' if git['dirty'] else ''}"
