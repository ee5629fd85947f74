"""The conditions that a cell was run under: settings of an evaluation that often go unsaid, apart from task and decoder.

They are the wording of the question, what the decoder may do with end tokens, the length of the canvas, and the system prompt.
"""

from __future__ import annotations

import pandas as pd

from parallelbench.analysis.names import name_cells
from parallelbench.runs.cell import short_hash
from parallelbench.runs.folder import StoredRun
from parallelbench.specs import render

AXES = {
    "wording": "wording",
    "end_tokens": "end tokens",
    "canvas_length": "answer length",
    "system": "system prompt",
}
"""The conditions by their columns, with their names for people."""
ALLOW = "allow"
"""The policy of end tokens of a decoder that names none."""


def conditions_of(run: StoredRun) -> pd.DataFrame:
    """Return one row for each cell of a run: `cell`, `question`, `rule`, and a column for each of `AXES`.

    `question` is a hash of the suite and the task with its options and demonstrations, but for those of the conditions; `rule`
    is the decoder without its policy of end tokens. Two cells of one question have the same samples.
    """
    rows = []
    for stored, named in zip(run.cells, name_cells(run), strict=True):
        cell, parameters = stored.cell, stored.cell.decoder_facts.parameters
        options = {key: value for key, value in cell.task_options.items() if key not in AXES}
        rows.append(
            {
                "cell": stored.id,
                "question": short_hash([cell.suite, cell.task, cell.task_version, options, cell.shots]),
                "rule": render(named["family"], {key: value for key, value in named["shown"].items() if key != "end_tokens"}),
                "wording": str(cell.task_options.get("wording", "")),
                "end_tokens": str(parameters.get("end_tokens", ALLOW)),
                "canvas_length": cell.canvas_length,
                "system": str(cell.task_options.get("system", "")),
            }
        )
    return pd.DataFrame(rows, columns=["cell", "question", "rule", *AXES])
