"""Merges the scores that were computed after a run, for a cell that lies in several folders."""

from __future__ import annotations

from parallelbench.errors import UserError
from parallelbench.runs.cell_folder import CellFolder
from parallelbench.runs.folder import StoredCell
from parallelbench.runs.scores import (
    ScoreRow,
    StoredScores,
    appending_scores,
    head_of,
    reasons_of,
    row_line,
    score_file,
    scores_of,
)


def merge_scores(stored: StoredCell, target: CellFolder) -> None:
    """Write the union of a cell's later scores and reasons of failures into another folder.

    Raises:
        UserError: one metric was computed in two ways, or a sample has two results.
        DamagedRun: a file is damaged.
    """
    found: dict[str, list[StoredScores]] = {}
    for scores in (*scores_of(stored), *reasons_of(stored)):
        found.setdefault(scores.name, []).append(scores)
    for name, parts in found.items():
        rows: dict[str, ScoreRow] = {}
        for part in parts:
            unlike = part.backend != parts[0].backend or any(rows.get(key, row) != row for key, row in part.rows.items())
            if unlike:
                places = " and ".join(str(score_file(folder, name)) for folder in stored.folders)
                raise UserError(
                    f"{places} differ; compute {name} anew in both folders: parallelbench score OUT --metric {name}."
                )
            rows |= part.rows
        with appending_scores(score_file(target, name), head_of(stored.id, name, parts[0].backend), keep=False) as file:
            for row in rows.values():
                file.append(row_line(row))
