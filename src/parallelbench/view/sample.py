"""One sample for the explorer: its record and trace are read by their place on disk, and laid out step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelbench.analysis.examples import Example
from parallelbench.errors import UserError
from parallelbench.report.sample_data import LayOut, sample_data, shown
from parallelbench.runs.folder import StoredCell
from parallelbench.runs.pages import Place, read_record
from parallelbench.runs.scores import scores_of
from parallelbench.view.index import Index
from parallelbench.view.rows import Table

SNIPPET = 160


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
    return {
        **names._asdict(),
        **sample_data(view, example),
        "cell": cell,
        "index": number,
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
