"""One sample for the explorer: its record and trace are read by their place on disk, and laid out step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from parallelbench.analysis.examples import Example
from parallelbench.clean import for_terminal
from parallelbench.errors import UserError
from parallelbench.report.trace_view import TraceView, shown_token
from parallelbench.runs.folder import StoredCell, StoredRun
from parallelbench.runs.pages import Place, read_record
from parallelbench.runs.scores import scores_of
from parallelbench.view.index import Index
from parallelbench.view.names import shown
from parallelbench.view.rows import Table

LONGEST = 20_000
"""Characters of a prompt or an answer that are shown."""
SNIPPET = 160
LayOut = Callable[[StoredRun, StoredCell, Example, bool], TraceView]
"""Lays out a sample step by step; the last argument says whether the law of its right answers is looked at."""


def listed(index: Index, rows: Table, places: Sequence[int]) -> list[dict[str, Any]]:
    """Return samples of a page of the list, each with the beginning of its answer."""
    found = []
    for place in places:
        row = rows[place]
        names, reasons = index.names[row["cell"]], index.reasons[row["reason"]]
        text = read_record(index.folder(row["folder"], names.id), Place(int(row["offset"]), int(row["size"]))).text
        accuracy, speed = float(row["accuracy"]), float(row["speed"])
        found.append(
            {
                "cell": names.id,
                "index": int(row["index"]),
                "model": names.model,
                "task": names.task,
                "decoder": names.decoder,
                "seed": names.seed,
                "accuracy": None if accuracy != accuracy else accuracy,
                "reasons": [shown(label) for label in reasons],
                "nfe": None if row["nfe"] < 0 else int(row["nfe"]),
                "speed": None if speed != speed else speed,
                "text": shown(text, SNIPPET),
            }
        )
    return found


def opened(index: Index, cell: str, number: int, lay_out: LayOut, law: bool) -> dict[str, Any]:
    """Return one sample, laid out.

    Raises:
        UserError: there is no such sample, its files are damaged, or its history is too long to show.
    """
    stored, code, rows = index.stored(cell), index.code_of(cell), index.rows.snapshot().rows
    alike = rows[rows["index"] == number]
    found = alike[alike["cell"] == code] if code is not None else alike[:0]
    if stored is None or not len(found):
        raise UserError(f"no sample {number} of the cell {shown(cell, 40)} has been read; it may be written later.")
    row, names = found[0], index.names[found[0]["cell"]]
    example = _read(index, stored, row)
    view = lay_out(index.run, stored, example, law)
    others = {index.names[other].id: index.names[other] for other in alike["cell"].tolist() if other not in (-1, code)}
    texts = {name: readable(getattr(view, name)) for name in ("question", "answer", "expected", "verdict")}
    return {
        **names._asdict(),
        **texts,
        **_steps(view),
        "cell": cell,
        "index": number,
        "name": shown(example.record.sample_id),
        "reasons": [shown(label) for label in example.labels],
        "prompt": readable(example.trace.prompt),
        "thought": readable(example.trace.thought or ""),
        "same": [
            {"cell": one.id, "model": one.model, "decoder": one.decoder}
            for one in others.values()
            if one.questions == names.questions
        ],
        "law": law,
    }


def _read(index: Index, stored: StoredCell, row: Any) -> Example:
    folder = index.folder(row["folder"], stored.id)
    record = read_record(folder, Place(int(row["offset"]), int(row["size"])))
    later = {one.name: one.rows[record.sample_id].value for one in scores_of(stored) if record.sample_id in one.rows}
    scores = {**record.scores, **{name: value for name, value in later.items() if value is not None}}
    return Example(stored.id, "", record, folder.trace(record), scores, index.reasons[row["reason"]], ())


def readable(text: str) -> str:
    """Return the beginning of a text from outside with its line ends, without what is invisible or changes the direction."""
    return for_terminal(text[:LONGEST]) + (" …" if len(text) > LONGEST else "")


def _steps(view: TraceView) -> dict[str, Any]:
    """How a sample was decoded: texts of tokens by number, the canvas before the first forward, and what each forward changed.

    A write is the position, the number of the text and the confidence.
    """
    numbers: dict[str, int] = {}

    def number(text: str | None) -> int | None:
        return None if text is None else numbers.setdefault(text, len(numbers))

    start = [number(text) for text in view.start]
    steps = [
        {
            "written": [[position, number(step.canvas[position]), sure] for position, sure in step.written.items()],
            "masked": list(step.masked),
        }
        for step in view.steps
    ]
    broke = view.collision
    return {
        "texts": [shown_token(text) for text in numbers],
        "start": start,
        "steps": steps,
        "hidden": view.hidden,
        "right": view.right,
        "collision": None if broke is None else {"forward": broke.forward, "positions": list(broke.positions)},
        "numbers": [[shown(name), shown(value)] for name, value in view.numbers],
    }
