"""`parallelbench trace`: how one answer was decoded, step by step, in the terminal and as an animated SVG or GIF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Patterns = list[str] | None


def command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A run folder.")],
    sample: Annotated[
        str | None, typer.Argument(metavar="[SAMPLE]", help="Its index or id; else the most telling wrong answer.")
    ] = None,
    task: Annotated[Patterns, typer.Option("--task", "-t", help="Only tasks of this name; * is any part; repeatable.")] = None,
    decoder: Annotated[Patterns, typer.Option("--decoder", "-d", help="Only decoders of this name; repeatable.")] = None,
    model: Annotated[Patterns, typer.Option("--model", "-m", help="Only models of this name; repeatable.")] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Also write an animated SVG, for a talk; no script.")
    ] = None,
    gif: Annotated[
        Path | None, typer.Option("--gif", metavar="FILE", help="Also write an animated GIF, for slides (extra gif).")
    ] = None,
) -> None:
    """Show how an answer was decoded, and which writes broke it.

    Tokens of the forward are highlighted, with their confidence. Where the task has a law of its right answers, the writes of
    one forward that made every right answer impossible are marked.
    Example: parallelbench trace out -t waiting_line/shuffle -d confidence:k=4 --svg broken.svg
    """
    from parallelbench.cli.terminal import note, say
    from parallelbench.cli.trace_choice import chosen, view_of
    from parallelbench.cli.trace_display import show
    from parallelbench.runs.folder import read_run

    run = read_run(out).select(task or (), decoder or (), model or ())
    one = chosen(run, sample)
    view = view_of(run, one)
    if one.others:
        more = "one more cell has" if one.others == 1 else f"{one.others} more cells have"
        note(f"{more} a sample {sample}; -t, -d and -m choose among them.")
    show(view, f"{one.stored.cell.sample_prefix}{one.index}")
    if svg is not None:
        from parallelbench.report.trace_svg import trace_svg
        from parallelbench.runs.disk import write_text

        write_text(svg, trace_svg(view))
        say(str(svg))
    if gif is not None:
        from parallelbench.report.trace_gif import trace_gif
        from parallelbench.runs.disk import write_bytes

        write_bytes(gif, trace_gif(view))
        say(str(gif))
