"""Writes the leaderboard's page: one file that loads nothing and runs no script, and next to it the submission of the runs."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from pathlib import Path

import altair as alt
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from parallelbench.analysis.frontier import Rows
from parallelbench.clean import for_xml
from parallelbench.leaderboard.boards import BARS, Board, RankedCurve, Reached, boards, means
from parallelbench.leaderboard.form import Submission
from parallelbench.report import charts, speeds, theme, vega
from parallelbench.report.looks import PALETTE
from parallelbench.report.tables import Cell, Table, number, percent
from parallelbench.runs.disk import disk_errors, write_text

PAGE, SUBMISSION = "index.html", "submission.json"
DRAWN = 8
"""Curves in a board's figure: the best ones."""
HEADER = ["", "model", "decoder", "origin", *(f"PB{100 * bar:.0f}" for bar in BARS), "best accuracy", "at tokens/step"]
HEADER += ["by setting", "samples a task"]


def write_board(submissions: Sequence[Submission], runs: Submission | None, out: Path) -> Path:
    """Write the page of all submissions, and the submission of the runs, if any; return the path of the page.

    Raises:
        UserError: the folder cannot be written.
    """
    page = render(boards(submissions))
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    if runs is not None:
        write_text(out / SUBMISSION, runs.model_dump_json(indent=1) + "\n")
    write_text(out / PAGE, page)
    return out / PAGE


def render(found: Sequence[Board]) -> str:
    """Return the page. Every name in a submission is escaped."""
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("parallelbench.leaderboard", "templates"), PackageLoader("parallelbench.report", "templates")]
        ),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [(board, _picture(board), Table("", HEADER, _lines(board))) for board in found]
    return environment.get_template("leaderboard.html").render(boards=shown, drawn=DRAWN)


def _lines(board: Board) -> list[list[Cell]]:
    return [_line(place, row) for place, row in enumerate(board.curves, 1)]


def _line(place: int, row: RankedCurve) -> list[Cell]:
    counts = [sum(part.n for part in one.parts) for one in row.curve.settings[0].tasks]
    samples = str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    origin = Cell(row.origin, note=row.source)
    names = [Cell(str(place), right=True), Cell(row.curve.model), Cell(row.curve.series), origin]
    best = [Cell(_rate(row.best), row.best.accuracy[0], right=True), number(row.best.speed[0]), Cell(row.best.setting)]
    return [*names, *(_speed(one, row.held_out) for one in row.reached), *best, Cell(samples, right=True)]


def _speed(reached: Reached | None, held_out: bool) -> Cell:
    """A speed with its interval; the note says which setting, and its accuracy."""
    if reached is None:
        return Cell("0", right=True, note="no setting is as accurate")
    mean, low, high = reached.speed
    text = f"{mean:.2f}" + ("" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]")
    where = (
        "chosen on one half of the samples, reported on the other" if held_out else "chosen and reported on the same samples"
    )
    return Cell(text, right=True, note=f"{reached.setting}: {_rate(reached)}, {where}")


def _rate(reached: Reached) -> str:
    mean, low, high = reached.accuracy
    return f"{percent(mean)} [{percent(low)}, {percent(high)}]"


def _picture(board: Board) -> str:
    """The settings of the best curves, accuracy against tokens per step, as a data address of an SVG picture."""
    rows: Rows = []
    for row in board.curves[:DRAWN]:
        name = f"{row.curve.model} · {row.curve.series}" + (" (published)" if row.origin == "published" else "")
        for setting in row.curve.settings:
            accuracy, speed = means(setting)
            rows.append({"curve": for_xml(name), "accuracy": accuracy, "tokens_per_step": speed})
    names = list(dict.fromkeys(row["curve"] for row in rows))
    colours = list(PALETTE[: len(names)])
    legend = alt.Legend(orient="bottom", columns=2, labelLimit=400)
    base = alt.Chart(theme.ROWS).encode(
        x=speeds.fixed_axis(speeds.UNITS[1]),
        y=charts.score_axis(),
        color=alt.Color("curve:N", title=None, scale=alt.Scale(domain=names, range=colours), legend=legend),
    )
    lines = base.mark_line(strokeWidth=1.4).encode(order=alt.Order("tokens_per_step:Q"))
    chart = alt.layer(lines, base.mark_point(filled=True, size=60, opacity=1)).properties(width=800, height=320)
    svg = vega.svg(theme.spec_of(chart, rows))
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
