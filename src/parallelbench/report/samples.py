"""The samples of a report: which it shows, and what its player needs to show how each was decoded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from parallelbench.analysis.examples import Example, examples, telling_samples
from parallelbench.analysis.failures import LABELS
from parallelbench.analysis.frame import as_rows
from parallelbench.errors import UserError
from parallelbench.report.data import ReportData
from parallelbench.report.sample_data import LayOut, sample_data, shown
from parallelbench.report.trace_view import TraceView, trace_view
from parallelbench.runs.folder import StoredCell, StoredRun

Groups = list[tuple[str, list[dict[str, Any]]]]
MODULES = ("dom.js", "player.js", "controls.js", "panel.js", "solo.js")
"""The player's modules, each after those that it imports."""
NOT_LOOKED_FOR = (
    "Which writes made a right answer impossible was not looked for here; the command parallelbench report looks for them."
)


def groups_of(data: ReportData) -> Groups:
    """Return the cells of the most telling samples, each with these samples (`examples`), task by task."""
    wanted = telling_samples(data.cells, data.samples, data.reasons)
    found: dict[str, list[Example]] = {}
    for example in examples(data.run, wanted):
        found.setdefault(example.cell, []).append(example)
    parts = data.cells[data.cells["cell"].isin(wanted)].groupby("task", sort=False)
    return [(str(task), [{**cell, "examples": found[cell["cell"]]} for cell in as_rows(part)]) for task, part in parts]


def name_of(example: Example) -> str:
    """The id of a sample's element on the page."""
    return f"sample-{example.cell}-{example.rank}"


def players_json(data: ReportData, groups: Groups, lay_out: LayOut | None = None) -> str:
    """Return what the player shows of each sample, by the id of its element.

    `lay_out` also looks for the writes that collided; None does not. A sample with a damaged history has no player.
    """
    stored = {one.id: one for one in data.run.cells}
    found = {}
    pairs = [(row, example) for _, cells in groups for row in cells for example in row["examples"]]
    for row, example in pairs:
        of = stored[example.cell]
        right = example.scores.get(of.cell.metrics[0]) == 1.0
        try:
            view = (lay_out or without_law)(data.run, of, example, not right)
        except UserError:
            continue
        names = {key: shown(str(row[key])) for key in ("model", "task", "decoder")}
        about = {"cell": example.cell, "index": example.record.index, "seed": int(row["seed"]), "law": True}
        found[name_of(example)] = {**names, **about, **sample_data(view, example)}
    return json.dumps(found, separators=(",", ":"), allow_nan=False)


def without_law(run: StoredRun, stored: StoredCell, example: Example, with_law: bool) -> TraceView:
    """Lay a sample out step by step from what is stored of it.

    Raises:
        UserError: its history is damaged.
    """
    trace = example.trace
    if any(position >= len(trace.token_ids) for writes in trace.history for position, *_ in writes):
        raise UserError(f"the trace of {example.record.sample_id} is damaged; choose another sample.")
    return trace_view(
        stored.cell, example.record, trace, scores=example.scores, question=None, texts={}, collision=None,
        reasons=[LABELS.get(name, name) for name in example.labels], unknown=NOT_LOOKED_FOR,
    )  # fmt: skip


def player_script() -> str:
    """Return the explorer's player as one script without modules, which defines `player.solo`."""
    return "const player = (() => {\n" + "\n".join(_joined(MODULES)) + "\nreturn {solo};\n})();\n"


def _joined(names: Sequence[str]) -> Iterator[str]:
    folder = files("parallelbench.report").joinpath("player")
    for name in names:
        text = folder.joinpath(name).read_text(encoding="utf-8")
        yield re.sub(r"^export (?=(const|class|function) )", "", re.sub(r"^import .*;\n", "", text, flags=re.M), flags=re.M)


def player_style() -> str:
    """Return the style sheet of the player."""
    return files("parallelbench.report").joinpath("player", "player.css").read_text(encoding="utf-8")
