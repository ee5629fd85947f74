"""The first picture of a report, accuracy against speed of every decoder family, and the section of the tasks, worst first."""

from __future__ import annotations

from typing import Any

from parallelbench.analysis.best_curves import ALL_TASKS
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report import charts, emphasis, lines, published
from parallelbench.report.data import ReportData
from parallelbench.report.figures import Figure, numbered
from parallelbench.report.section import Section
from parallelbench.report.speeds import COLUMNS, first_unit
from parallelbench.report.tables import percent

POINT = ["model", "decoder", "family", "variant", "accuracy", "low", "high", *COLUMNS]
LOSSLESS = 0.05
"""A task loses nothing where no setting is more than 5 points below its best one."""
FEW = 30
"""With fewer samples a task the intervals are wide, and the text says so."""
PUBLISHED = "published"
"""The line of the rows that are another's numbers."""
STEPS = "Steps join the best settings of one decoder; between two points there is no setting."


def tradeoff(data: ReportData) -> Section | None:
    """Mean accuracy over tasks against speed, one panel for each model that is not shown as another one's ceiling."""
    rows: Rows = []
    hollow: Rows = []
    bounded = False
    points = picked(as_rows(data.overall), POINT)
    for model in data.shown_models:
        measured = [{**row, "panel": model} for row in points if row["model"] == model]
        ceiling = data.exact_model_of(model)
        exact = [row for row in points if row["model"] == ceiling]
        best = [row for row in data.curves_of(ceiling or model) if row["task"] == ALL_TASKS]
        behind = lines.rows_of_lines(measured, exact, best) if measured else []
        bounded = bounded or bool(behind)
        theirs = published.mean_rows(data, measured) if measured else []
        hollow += [{**row, "panel": model, "line": PUBLISHED} for row in theirs]
        rows += measured + behind
    rows += hollow
    spec = charts.tradeoff(rows, data.looks, emphasis.always_in_full(data))
    if spec is None:
        return None
    tasks = f"{len(data.tasks)} tasks" if len(data.tasks) > 1 else data.tasks[0]
    said = (
        f"Mean accuracy and speed over {tasks}; bars are 95 % intervals of accuracy, and those of speed are in the section "
        f"The numbers. Content tokens are the tokens of the answer without the padding after it. {STEPS}"
    )
    caption = said + (lines.CAPTION if bounded else "") + emphasis.sentence(rows) + published.caption(hollow)
    figure = Figure("tradeoff", caption, spec, rows, described(rows))
    return Section("tradeoff", "Accuracy against speed", "", [figure])


def by_task(data: ReportData) -> Section | None:
    """Accuracy against speed for each task that loses some, the largest loss first; the others in one line."""
    figures, said, always = [], [], emphasis.always_in_full(data)
    for place, model in enumerate(data.shown_models):
        points = [row for row in as_rows(data.points) if row["model"] == model]
        lost = {task: _loss(points, task) for task in data.tasks if any(row["task"] == task for row in points)}
        sentence = _kept([task for task in lost if lost[task] <= LOSSLESS], points)
        said += [f"{model}: {sentence}" if len(data.shown_models) > 1 else sentence] if sentence else []
        shown = sorted((task for task in lost if lost[task] > LOSSLESS), key=lambda task: -lost[task])
        rows = _task_rows(data, model, points, shown)
        spec = charts.tradeoff(rows, data.looks, always) if rows else None
        if spec is not None:
            exact = any(row.get("line") in lines.DASHES for row in rows)
            caption = (
                f"{model}: tasks on which some setting loses more than {100 * LOSSLESS:.0f} points, the largest loss first; n "
                f"is the number of samples; 95 % intervals over samples.{lines.CAPTION if exact else ''}"
            )
            caption += emphasis.sentence(rows) + published.caption([row for row in rows if "of" in row])
            name = numbered("by-task", place)
            figures.append(Figure(name, caption, spec, rows, described(rows)))
    return Section("by-task", "Tasks", " ".join(said), figures) if figures or said else None


def _loss(points: Rows, task: str) -> float:
    scores: list[float] = [row["accuracy"] for row in points if row["task"] == task]
    return max(scores) - min(scores)


def _kept(tasks: list[str], points: Rows) -> str:
    if not tasks:
        return ""
    few = min(row["n"] for row in points)
    caution = f" (with {few} samples a task, smaller losses cannot be seen)" if few < FEW else ""
    names = ", ".join(tasks)
    return f"No setting loses more than {100 * LOSSLESS:.0f} points on {names}{caution}."


def _task_rows(data: ReportData, model: str, points: Rows, tasks: list[str]) -> Rows:
    """The rows of the panels of these tasks, in their order, with what they are compared with."""
    ordered = sorted((row for row in points if row["task"] in tasks), key=lambda row: tasks.index(row["task"]))
    measured = [
        {"panel": f"{row['task']} (n = {row['n']})", "task": row["task"], **picked([row], POINT)[0], "n": row["n"]}
        for row in ordered
    ]
    ceiling = data.exact_model_of(model)
    exact = [row for row in picked(as_rows(data.points), ["task", *POINT]) if row["model"] == ceiling]
    if not measured:
        return []
    panels = {row["task"]: row["panel"] for row in measured}
    theirs = [row for row in published.published_rows(data, model) if row["task"] in panels]
    hollow = [{**row, "panel": panels[row["task"]], "line": PUBLISHED} for row in theirs]
    return measured + lines.rows_of_lines(measured, exact, data.curves_of(ceiling or model)) + hollow


def picked(rows: Rows, keys: list[str]) -> Rows:
    """The rows, each with these columns only."""
    return [{key: row[key] for key in keys} for row in rows]


def described(rows: Rows) -> str:
    """What a figure of accuracy against speed shows, in words: each panel, and each family from slow to fast."""
    unit = first_unit(rows)
    if unit is None:
        return ""
    panels: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        if "line" not in row:
            panels.setdefault(row["panel"], {}).setdefault(row["family"], []).append(row)
    said = []
    for panel, families in panels.items():
        curves = []
        for family, points in families.items():
            ordered = sorted(points, key=lambda row: row[unit.column], reverse=not unit.faster)
            ends = [ordered[0]] if len(ordered) == 1 else [ordered[0], ordered[-1]]
            curves.append(
                f"{family} " + " and ".join(f"{percent(one['accuracy'])} % at {one[unit.column]:.3g}" for one in ends)
            )
        said.append(f"{panel}: " + "; ".join(curves))
    return f"Accuracy against {unit.title}, at the slowest and the fastest setting. " + ". ".join(said) + "."
