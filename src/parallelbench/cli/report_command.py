"""`parallelbench report`: one self-contained page about one run folder, or about several together."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Patterns = list[str] | None


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="OUT...", help="One run folder, or several that are read as one.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the page; else OUT, or ./report for several folders.")
    ] = None,
    task: Annotated[
        Patterns, typer.Option("--task", "-t", help="Only tasks of this name; * matches any text; repeatable.")
    ] = None,
    decoder: Annotated[
        Patterns, typer.Option("--decoder", "-d", help="Only decoders of this name or with these options; repeatable.")
    ] = None,
    model: Annotated[Patterns, typer.Option("--model", "-m", help="Only models of this name; repeatable.")] = None,
    no_published: Annotated[
        bool, typer.Option("--no-published", help="Leave out the numbers that the paper published for the same tasks.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", "-b", metavar="NAME", help="Compare all decoders with this one; else with threshold."),
    ] = None,
    figures: Annotated[str, typer.Option("--figures", metavar="FORMATS", help="Formats of the files: svg, pdf, png.")] = "svg",
    width: Annotated[str | None, typer.Option("--width", help="Width of the figures in print, for example 3.25in.")] = None,
    font: Annotated[str | None, typer.Option("--font", help="Font of the figures; it must be installed.")] = None,
) -> None:
    """Write OUT/report.html, and its figures as CSV and SVG.

    The page is one file that needs no network. The figures are in figures/ beside it.
    """
    from parallelbench.cli.terminal import note, say
    from parallelbench.cli.trace_choice import laid_out
    from parallelbench.errors import UserError
    from parallelbench.experiments.scoring import label_run
    from parallelbench.report import write_report
    from parallelbench.report.data import Filters
    from parallelbench.report.file_style import file_style
    from parallelbench.runs.folder import joined, read_run

    style = file_style(figures, width, font)
    keep = Filters(tuple(task or ()), tuple(decoder or ()), tuple(model or ()))
    with _uncollected():
        stored = [read_run(run) for run in dict.fromkeys(runs)]  # a folder that is no run is said once
        for run in stored:
            try:
                label_run(run)
            except UserError as error:
                note(f"the reasons of failures are left out; {error}")
        whole = joined(*(folder for run in stored for folder in run.folders))
        page = write_report(
            *runs, out=out, keep=keep, with_published=not no_published, baseline=baseline, style=style, run=whole,
            lay_out=laid_out,
        )  # fmt: skip
    say(str(page))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would visit the values of a large run again and again; hardly any is in a cycle."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
