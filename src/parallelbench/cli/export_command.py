"""`parallelbench export`: the results of a run in the forms of other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from parallelbench.errors import UnknownName

Patterns = list[str] | None
ROWS = ("samples", "cells")


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="OUT...", help="One run folder, or several that are read as one.")],
    to: Annotated[str, typer.Option("--to", metavar="FORM", help="parquet, csv, jsonl, latex, markdown or lm-eval.")],
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="The file (lm-eval: a folder); - prints it; else in OUT/export.")
    ] = None,
    rows: Annotated[str, typer.Option("--rows", metavar="samples|cells", help="Rows of parquet, csv and jsonl.")] = "samples",
    by_task: Annotated[bool, typer.Option("--by-task", help="A column for each task in latex and markdown.")] = False,
    task: Annotated[
        Patterns, typer.Option("--task", "-t", help="Only tasks of this name; * matches any text; repeatable.")
    ] = None,
    decoder: Annotated[Patterns, typer.Option("--decoder", "-d", help="Only decoders of this name; repeatable.")] = None,
    model: Annotated[Patterns, typer.Option("--model", "-m", help="Only models of this name; repeatable.")] = None,
) -> None:
    """Write results as tables, for a paper, or for lm-eval.

    In a table for a paper the best setting is in bold only where paired tests say that it is better than every other one.
    Example: parallelbench export out --to latex -o -
    """
    from parallelbench.cli.terminal import say
    from parallelbench.exports.rows import Rows
    from parallelbench.exports.write import check_form, export, text_of
    from parallelbench.runs.folder import read_run

    check_form(to)
    if rows not in ROWS:
        raise UnknownName("kind of row", rows, ROWS)
    run = read_run(*dict.fromkeys(runs)).select(task or (), decoder or (), model or ())
    what = cast("Rows", rows)
    if out == "-":
        sys.stdout.write(text_of(run, to, what, by_task))
        return
    for path in export(run, to, None if out is None else Path(out), what, by_task):
        say(str(path))
