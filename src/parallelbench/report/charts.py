"""Builds the trade-off figures of a report with Altair, as Vega-Lite specs. The rows of a figure are also its CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_lowercase as LETTERS
from typing import Any

import altair as alt

from parallelbench.analysis.frontier import Rows
from parallelbench.analysis.names import PLAIN
from parallelbench.report import direct_labels, emphasis, published, speeds, theme
from parallelbench.report.lines import DASHES, drawn_lines
from parallelbench.report.looks import Looks, dashes
from parallelbench.report.theme import Spec

PERCENT = alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1.0])
SCORES = alt.Scale(domain=[0, 1])
INDEPENDENT_AXES = alt.Resolve(axis=alt.AxisResolveMap(x="independent", y="independent"))
PANEL = (300, 190)
ALONE = (760, 330)


def score_axis(title: str = "accuracy") -> alt.Y:
    """The y axis: accuracy from 0 to 100 %."""
    return alt.Y("accuracy:Q", title=title, axis=PERCENT, scale=SCORES)


def tradeoff(rows: Rows, looks: Looks, always: Iterable[str] = ()) -> Spec | None:
    """Accuracy against speed, one panel for each value of `panel`; None where no speed is known.

    Points with intervals, each family's Pareto frontier drawn as steps with its name at the right edge, the rows of
    `lines.rows_of_lines`, and, hollow, those of `published`. Rows need `panel`, `family`, `variant`, `accuracy`, `low`, `high`
    and the columns of `speeds.UNITS`. Of many families not all are drawn in full (`emphasis`), but those of `always` are.
    """
    unit = speeds.first_unit(rows)
    if unit is None:
        return None
    panels = list(dict.fromkeys(row["panel"] for row in rows if "line" not in row))
    size, letters = ALONE if len(panels) == 1 else PANEL, letters_of(rows)
    back, *others = _layers(rows, looks, unit, bool(letters))
    shown = emphasis.parameters(emphasis.in_full(rows, always))
    back = back.add_params(speeds.parameter(unit), *shown)  # to a whole chart they are added by copying it several times
    layers = alt.layer(back, *others, data=theme.ROWS, width=size[0], height=size[1])
    facet = alt.Facet("panel:N", title=None, sort=panels, header=alt.Header(labelAnchor="start", labelLimit=0))
    more: dict[str, Any] = {"title": _meaning_of(letters)} if letters else {}
    spacing = {"row": 18, "column": 18}
    chart = layers.facet(facet=facet, columns=min(2, len(panels)), spacing=spacing, resolve=INDEPENDENT_AXES, **more)
    lettered = [{**row, "letter": letters[row["variant"]]} if row.get("variant") in letters else row for row in rows]
    transforms: list[dict[str, Any]] = [{"calculate": emphasis.IN_FULL, "as": "bright"}]
    return theme.spec_of(chart, lettered, [*transforms, *speeds.transforms(["panel"])])


def _meaning_of(letters: dict[str, str]) -> alt.Title:
    lines = [f"{letter}: {variant}" for variant, letter in letters.items()]
    return alt.Title(lines, orient="bottom", anchor="start", fontSize=11, fontWeight="normal")


def letters_of(rows: Rows) -> dict[str, str]:
    """Letters for the variants of decoders (`analysis.names`) other than the plain one; empty where all rows are of one."""
    variants = {row["variant"] for row in rows if "variant" in row}
    others = sorted(variants - {PLAIN}) if len(variants) > 1 else []
    return {name: LETTERS[place] if place < len(LETTERS) else "…" for place, name in enumerate(others)}


def _layers(rows: Rows, looks: Looks, unit: speeds.Unit, lettered: bool) -> list[alt.Chart]:
    """The layers of a panel, from back to front."""
    base = alt.Chart().encode(x=speeds.axis(unit=unit), y=score_axis())
    families = [row["family"] for row in rows if "family" in row]
    many = len(set(families)) > emphasis.MOST  # of few families all have their names beside their lines
    colour, shape, scale = looks.colour(families, many), looks.shape(families, many), looks.dash_scale(families, DASHES)
    dash = dashes(scale)
    measured = base.transform_filter("!isValid(datum.line)").encode(color=colour)
    pale = _steps(measured.transform_filter("!datum.bright"), dash, 0.9, {"opacity": emphasis.pale()})
    pale.append(_dots(measured.transform_filter("!datum.bright"), shape, unit, 26).encode(opacity=emphasis.pale()))
    bright = measured.transform_filter("datum.bright")
    bars = bright.encode(x=speeds.axis("drawn", unit), tooltip=speeds.tooltip()).mark_rule(strokeWidth=1.4)
    full = [bars.encode(y=alt.Y("low:Q", title="accuracy"), y2="high:Q"), _dots(bright, shape, unit, 62)]
    if lettered:
        mark = bright.mark_text(dx=8, dy=-7, fontSize=9, color=theme.INK)
        full.append(mark.encode(x=speeds.axis("drawn", unit), text="letter:N", color=alt.value(theme.INK)))
    behind = drawn_lines(base, colour, scale) if any("line" in row and "of" not in row for row in rows) else []
    hollow: list[alt.Chart] = []
    if any("of" in row for row in rows):
        seen = alt.condition("datum.bright", alt.value(1.0), alt.value(emphasis.PALE))
        hollow = published.drawn_points(base.encode(color=colour, shape=shape, opacity=seen), 62)
    ends = alt.Chart().transform_filter("!isValid(datum.line) && datum.bright && datum.end")
    names = direct_labels.drawn_labels(ends, colour, shape, unit)
    return [*behind, *pale, *hollow, *_steps(bright, dash, 1.8, {}), *full, *names]


def _steps(rows: alt.Chart, dash: alt.StrokeDash, width: float, seen: dict[str, Any]) -> list[alt.Chart]:
    """The frontier of each family as steps, and a line from the left edge to its first setting."""
    steps = rows.transform_filter("datum.frontier").encode(strokeDash=dash, **seen)
    return [
        steps.mark_line(interpolate="step-before", strokeWidth=width).encode(detail="family:N", order=alt.Order("fast:Q")),
        steps.transform_filter("datum.slowest").mark_rule(strokeWidth=width).encode(x2=alt.X2Value(0)),
    ]


def _dots(rows: alt.Chart, shape: alt.Shape, unit: speeds.Unit, size: int) -> alt.Chart:
    dots = rows.mark_point(filled=True, size=size, stroke="white", strokeWidth=0.8, opacity=1)
    return dots.encode(x=speeds.axis("drawn", unit), tooltip=speeds.tooltip(), shape=shape)


def losses(rows: Rows, shades: Sequence[str]) -> Spec:
    """One row per task with its accuracies at 1, 2, 4, ... tokens per step; the task with the largest loss is at the top.

    `shades` are the colours of the speeds, from slow to fast.
    """
    order = _by_loss(rows)
    scale = alt.Scale(domain=sorted({row["speed"] for row in rows}), range=list(shades))
    base = alt.Chart(theme.ROWS).encode(y=alt.Y("task:N", sort=order, title=None, axis=alt.Axis(labelLimit=240)))
    span = base.mark_rule(color=theme.GRID, strokeWidth=3).encode(x="min(accuracy):Q", x2="max(accuracy):Q")
    dots = base.mark_point(filled=True, size=110, opacity=1, stroke="white", strokeWidth=0.8).encode(
        x=alt.X("accuracy:Q", title="accuracy", axis=PERCENT, scale=SCORES),
        color=alt.Color("speed:O", title="tokens per step", scale=scale, legend=alt.Legend(orient="bottom", columns=8)),
        order=alt.Order("speed:Q", sort="descending"),
        tooltip=[alt.Tooltip("task:N"), *speeds.tooltip(), alt.Tooltip("loss:Q", title="lost since 1", format=".1%")],
    )
    return theme.spec_of(alt.layer(span, dots).properties(width=560, height=alt.Step(26)), rows)


def _by_loss(rows: Rows) -> list[str]:
    lost: dict[str, float] = {}
    for row in rows:
        lost[row["task"]] = max(lost.get(row["task"], 0.0), row["loss"])
    return sorted(lost, key=lambda task: -lost[task])
