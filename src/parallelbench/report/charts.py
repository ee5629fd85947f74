"""Builds the figures of a report with Altair, as Vega-Lite specs. The rows of a figure are also saved as its CSV file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from parallelbench.analysis.frontier import Rows, with_frontier
from parallelbench.analysis.names import PLAIN
from parallelbench.report import published, theme
from parallelbench.report.lines import drawn_lines
from parallelbench.report.theme import Spec

TICKS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
CHOSEN = alt.selection_point(fields=["family"], bind="legend", name="chosen")
PERCENT = alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1.0])


def speed_axis(rows: Rows, title: str = "tokens per step") -> alt.X:
    """The x axis: tokens per step on a log2 scale over the range of the points."""
    speeds = [row["tokens_per_step"] for row in rows]
    domain = [min(speeds, default=1.0) / 1.15, max(speeds, default=1.0) * 1.15]
    ticks = [tick for tick in TICKS if domain[0] <= tick <= domain[1]]
    scale = alt.Scale(type="log", base=2, domain=domain, nice=False)
    return alt.X("tokens_per_step:Q", title=title, scale=scale, axis=alt.Axis(values=ticks, format="~g"))


def known(rows: Rows) -> Rows:
    """The rows with a known speed. Some generators report no number of steps; their rows cannot be drawn and are left out."""
    return [row for row in rows if not math.isnan(row["tokens_per_step"])]


def score_axis(title: str = "accuracy") -> alt.Y:
    """The y axis: accuracy from 0 to 100 %."""
    return alt.Y("accuracy:Q", title=title, axis=PERCENT, scale=alt.Scale(domain=[0, 1]))


def tradeoff(rows: Rows, size: tuple[int, int], point: int = 75) -> alt.LayerChart:
    """Accuracy against tokens per step: points with intervals, and each family's Pareto frontier drawn as steps.

    Rows need the columns of `frame.points`, and `frontier` and `point` from `with_frontier`. Rows from `lines.rows_of_lines`
    are drawn behind them, and those of `published.published_rows` as hollow points.
    """
    colour = alt.Color("family:N", title="decoder", scale=theme.colours(row["family"] for row in rows if "family" in row))
    shown = alt.when(CHOSEN).then(alt.value(1.0)).otherwise(alt.value(0.08))
    data = alt.Chart(theme.ROWS).encode(x=speed_axis(rows))
    base = data.encode(color=colour)
    steps = base.transform_filter("datum.frontier").mark_line(interpolate="step-before", strokeWidth=1.6)
    points = base.transform_filter("datum.point")
    bars = points.mark_rule(strokeWidth=1.3).encode(
        y=alt.Y("low:Q", title="accuracy", axis=PERCENT), y2="high:Q", opacity=shown, tooltip=tooltip()
    )
    dots = points.mark_point(filled=True, size=point, stroke="white", strokeWidth=0.8, opacity=1).encode(
        y=score_axis(), opacity=shown, tooltip=tooltip(), **_shape(rows)
    )
    lines = steps.encode(y=score_axis(), detail="family:N", opacity=shown, order=alt.Order("tokens_per_step:Q"))
    behind = drawn_lines(data.encode(y=score_axis()), colour) if any("line" in row for row in rows) else []
    hollow = (
        published.drawn_points(base.encode(y=score_axis(), opacity=shown), point) if any("of" in row for row in rows) else []
    )
    return alt.layer(*behind, *hollow, lines, bars, dots).properties(width=size[0], height=size[1])


def _shape(rows: Rows) -> dict[str, Any]:
    variants = sorted({row["variant"] for row in rows if "variant" in row}, key=lambda name: (name != PLAIN, name))
    if len(variants) < 2:
        return {}
    shapes = [SHAPES[place % len(SHAPES)] for place in range(len(variants))]
    return {"shape": alt.Shape("variant:N", title="with", scale=alt.Scale(domain=variants, range=shapes))}


def tooltip() -> list[alt.Tooltip]:
    """The values that are shown when the mouse is over a point."""
    return [
        alt.Tooltip("decoder:N"),
        alt.Tooltip("accuracy:Q", title="accuracy", format=".1%"),
        alt.Tooltip("low:Q", title="95 % from", format=".1%"),
        alt.Tooltip("high:Q", title="95 % to", format=".1%"),
        alt.Tooltip("tokens_per_step:Q", title="tokens per step", format=".2f"),
        alt.Tooltip("content_tokens_per_forward:Q", title="content tokens per forward", format=".2f"),
        alt.Tooltip("nfe:Q", title="forwards", format=".1f"),
    ]


def overall(rows: Rows, models: Sequence[str], behind: Rows) -> Spec:
    """The trade-off curves of the mean over tasks, in one panel per model; `behind` are published points."""
    marked = with_frontier(rows, ("model", "family")) + behind
    if len(models) == 1:
        return theme.spec_of(tradeoff(marked, (840, 400)).add_params(CHOSEN), marked)
    facet = alt.Facet("model:N", title=None, sort=list(models))
    panels = tradeoff(marked, (400, 300)).facet(facet=facet, columns=2)
    return theme.spec_of(panels.add_params(CHOSEN).resolve_axis(x="independent", y="independent"), marked)


def by_task(rows: Rows, behind: Rows) -> Spec:
    """The trade-off curves of each task, in one panel per task; `behind` are rows of lines and of published points."""
    marked = with_frontier(rows, ("task", "family")) + behind
    panel = tradeoff(marked, (262, 180), point=45)
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    facet = alt.Facet("task:N", title=None, sort=tasks, header=alt.Header(labelAnchor="start"))
    panels = panel.facet(facet=facet, columns=3, spacing={"row": 22, "column": 22})
    return theme.spec_of(panels.add_params(CHOSEN).resolve_axis(x="independent"), marked)


def loss_parts(rows: Rows) -> Spec:
    """For each task and setting a stacked bar of the three parts of the loss (`analysis.split`); negative parts go below 0."""
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    least = min(0.0, *(sum(min(0.0, row["loss"]) for row in group) for group in _bars(rows).values()))
    scale = alt.Scale(domain=[math.floor(10 * least) / 10, 1])
    bars = alt.Chart(theme.ROWS).mark_bar().encode(
        x=alt.X("setting:N", sort=settings, title=None, axis=alt.Axis(labelAngle=-40)),
        y=alt.Y("loss:Q", title="accuracy lost", axis=alt.Axis(format=".0%", tickCount=5), scale=scale),
        color=alt.Color("part:N", title="lost to", scale=alt.Scale(domain=list(theme.PARTS), range=list(theme.PARTS.values()))),
        order=alt.Order("place:Q"),
        tooltip=["task:N", "decoder:N", "part:N", alt.Tooltip("loss:Q", format=".1%")],
    )  # fmt: skip
    facet = alt.Facet("task:N", title=None, sort=tasks, header=alt.Header(labelAnchor="start"))
    return theme.spec_of(bars.properties(width=190, height=120).facet(facet=facet, columns=4), rows)


def _bars(rows: Rows) -> dict[tuple[str, str], Rows]:
    """The parts of each bar."""
    bars: dict[tuple[str, str], Rows] = {}
    for row in rows:
        bars.setdefault((row["task"], row["setting"]), []).append(row)
    return bars


def losses(rows: Rows) -> Spec:
    """One row per task with its accuracies at 1, 2, 4, ... tokens per step; the task with the largest loss is at the top."""
    lost: dict[str, float] = {}
    for row in rows:
        lost[row["task"]] = max(lost.get(row["task"], 0.0), row["loss"])
    order = sorted(lost, key=lambda task: -lost[task])
    speeds = sorted({row["speed"] for row in rows})
    scale = alt.Scale(domain=speeds, range=list(theme.SPEEDS[: len(speeds)]))
    base = alt.Chart(theme.ROWS).encode(y=alt.Y("task:N", sort=order, title=None, axis=alt.Axis(labelLimit=240)))
    span = base.mark_rule(color="#cbd2d9", strokeWidth=3).encode(x="min(score):Q", x2="max(score):Q")
    dots = base.mark_point(filled=True, size=120, opacity=0.95, stroke="white", strokeWidth=0.8).encode(
        x=alt.X("accuracy:Q", title="accuracy", axis=PERCENT, scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("speed:O", title="tokens per step", scale=scale),
        order=alt.Order("speed:Q", sort="descending"),
        tooltip=[alt.Tooltip("task:N"), *tooltip(), alt.Tooltip("loss:Q", title="lost since 1", format=".1%")],
    )
    return theme.spec_of(alt.layer(span, dots).properties(width=660, height=alt.Step(30)), rows)


def matched(rows: Rows) -> Spec:
    """An adaptive and a fixed decoder compared at equal speed: one panel per setting of the fixed one, one row per task."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    slowest = {row["panel"]: row["tokens_per_step"] for row in sorted(rows, key=lambda row: -row["tokens_per_step"])}
    panels = sorted(slowest, key=lambda panel: slowest[panel])
    base = alt.Chart(theme.ROWS).encode(
        y=alt.Y("task:N", sort=tasks, title=None, axis=alt.Axis(labelLimit=240)),
        yOffset=alt.YOffset("family:N", scale=alt.Scale(paddingOuter=0.3)),
        color=alt.Color("family:N", title="decoder", scale=theme.colours(row["family"] for row in rows)),
        tooltip=tooltip(),
    )
    axis = alt.Axis(values=[0, 0.5, 1.0], labelExpr="format(100 * datum.value, 'd')", labelFlush=True)
    bars = base.mark_rule(strokeWidth=1.6).encode(x=alt.X("low:Q", title="accuracy, %", axis=axis), x2="high:Q")
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("accuracy:Q", title="accuracy, %", axis=axis, scale=alt.Scale(domain=[0, 1]))
    )
    panel = alt.layer(bars, dots).properties(width=max(100, 640 // max(1, len(panels))), height=alt.Step(12))
    return theme.spec_of(panel.facet(column=alt.Column("panel:N", title=None, sort=panels)), rows)
