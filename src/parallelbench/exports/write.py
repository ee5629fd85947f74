"""Exports a run in one of the known forms, to a file or as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from parallelbench.errors import UnknownName, UserError
from parallelbench.exports import latex, lm_eval, paper_table, rows
from parallelbench.runs.disk import disk_errors, write_text
from parallelbench.runs.folder import StoredRun

FORMS = ("parquet", "csv", "jsonl", "latex", "markdown", "lm-eval")
SUFFIXES = {"latex": "tex", "markdown": "md"}
ROW_FORMS = ("parquet", "csv", "jsonl")
EXPORT = "export"
"""The folder in the run folder that an export is written to where no other file is named."""


def check_form(form: str) -> None:
    """Refuse an unknown form.

    Raises:
        UnknownName: it is none of `FORMS`.
    """
    if form not in FORMS:
        raise UnknownName("form of an export", form, FORMS)


def export(run: StoredRun, form: str, to: Path | None, what: rows.Rows = "samples", by_task: bool = False) -> list[Path]:
    """Write a run in one form and return the files.

    Args:
        run: the run.
        form: one of `FORMS`.
        to: the file, or for lm-eval the folder; None is a name in the folder `export` of the run.
        what: the rows of a flat table: samples or cells.
        by_task: whether the table of a paper has a column for each task.

    Raises:
        UserError: the form is unknown, the run has no samples, or the file cannot be written.
    """
    check_form(form)
    folder = run.folders[0].path / EXPORT
    if form == "lm-eval":
        return _write_lm_eval(run, to or folder / form)
    name = what if form in ROW_FORMS else "table"
    path = to or folder / f"{name}.{SUFFIXES.get(form, form)}"
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file that can be replaced; name another with -o, or - for stdout.")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        _write_parquet(run, path, what)
    else:
        write_text(path, text_of(run, form, what, by_task))
    return [path]


def text_of(run: StoredRun, form: str, what: rows.Rows = "samples", by_task: bool = False) -> str:
    """Return a run as text in one of the forms that are text.

    Raises:
        UserError: the form is unknown or no text, or the run has no samples.
    """
    check_form(form)
    forms: dict[str, Callable[[], str]] = {
        "csv": lambda: rows.as_csv(_filled(run, what)),
        "jsonl": lambda: rows.as_json_lines(_filled(run, what)),
        "latex": lambda: latex.as_latex(paper_table.paper_tables(run, by_task)),
        "markdown": lambda: paper_table.as_markdown(paper_table.paper_tables(run, by_task)),
    }
    if form not in forms:
        raise UserError(f"{form} is no text for the terminal; name a file with -o.")
    return forms[form]()


def _filled(run: StoredRun, what: rows.Rows) -> pd.DataFrame:
    """The flat table of a run that has samples."""
    frame = rows.table(run, what)
    if frame.empty:
        raise UserError(f"{run.folders[0].path} holds no finished samples yet; run its command again first.")
    return frame


def _write_parquet(run: StoredRun, path: Path, what: rows.Rows) -> None:
    draft = path.with_name(f".{path.name}.draft")
    frame = _filled(run, what)
    with disk_errors(path):
        rows.write_parquet(frame, draft)
        draft.replace(path)


def _write_lm_eval(run: StoredRun, folder: Path) -> list[Path]:
    found = lm_eval.results(run)
    if not found:
        raise UserError(f"{run.folders[0].path} holds no finished samples yet; run its command again first.")
    paths = []
    for name, value in found.items():
        path = folder / name / "results.json"
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        paths.append(path)
    return paths
