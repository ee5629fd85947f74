"""The table of a paper: one row for each setting, accuracies with intervals, and costs; the best in bold where that is sure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from parallelbench.analysis import frame as tables
from parallelbench.analysis.best import Scores, significant_best
from parallelbench.errors import UserError
from parallelbench.runs.folder import StoredRun

MEAN = "mean"
COSTS = {"nfe": "NFE", "tokens_per_step": "tokens/step", "content_tokens_per_forward": "content tokens/forward"}


@dataclass(frozen=True, slots=True)
class Value:
    """A number of the table: its text, the ends of its interval if it has one, and whether it is in bold."""

    text: str
    low: str = ""
    high: str = ""
    bold: bool = False


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A model's table: the names of its columns, and for each setting its name and its values;
    `samples` are the smallest and the largest number of samples of a setting."""

    model: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Value, ...]], ...]
    tasks: int
    samples: tuple[int, int]

    @property
    def caption(self) -> str:
        """What the table shows, in sentences."""
        fewest, most = self.samples
        counts = str(most) if fewest == most else f"{fewest} to {most}"
        over = f"Means over {self.tasks} tasks" if self.tasks > 1 else "Means"
        return (
            f"{self.model}: accuracy in % with its 95 % interval, and costs per sample. {over}, {counts} samples a "
            "setting. Bold: better than every other setting in the column (paired tests on the same samples, corrected for the "
            "number of columns, 5 %)."
        )


def paper_tables(run: StoredRun, by_task: bool = False) -> list[PaperTable]:
    """Return one table for each model, over the tasks that all its settings decoded.

    Args:
        run: the run.
        by_task: whether each task has a column before the mean over tasks.

    Raises:
        UserError: the run has no samples, or the settings of a model have no task in common.
        DamagedRun: a file is damaged.
    """
    frame = tables.samples(run)
    if frame.empty:
        raise UserError(f"{run.folders[0].path} holds no finished samples yet; run its command again first.")
    return [_table(str(model), part, by_task) for model, part in frame.groupby("model", sort=False)]


def _table(model: str, frame: pd.DataFrame, by_task: bool) -> PaperTable:
    decoders = list(dict.fromkeys(frame["decoder"]))
    ran = frame.groupby("task", sort=False)["decoder"].nunique()
    tasks = [str(task) for task, count in ran.items() if count == len(decoders)]
    if not tasks:
        raise UserError(f"no task was decoded with every setting of {model}; choose settings or tasks with -d and -t.")
    frame = frame[frame["task"].isin(tasks)]
    scores = _scores(frame)
    shown = [*(tasks if by_task and len(tasks) > 1 else []), MEAN]
    columns = {name: {one: scores[one] if name == MEAN else {name: scores[one][name]} for one in decoders} for name in shown}
    best = significant_best(columns)
    points = tables.points(frame)
    means = {row["decoder"]: row for row in tables.as_rows(tables.overall(points))}
    single = {(row["decoder"], row["task"]): row for row in tables.as_rows(points)}
    rows = [
        (
            one,
            tuple(
                [_accuracy(means[one] if name == MEAN else single[one, name], best.get(name) == one) for name in shown]
                + [_cost(means[one][cost]) for cost in COSTS]
            ),
        )
        for one in decoders
    ]
    heads = ["accuracy" if shown == [MEAN] else name for name in shown]
    counts = points.groupby("decoder", sort=False)["n"].sum()
    return PaperTable(model, (*heads, *COSTS.values()), tuple(rows), len(tasks), (int(counts.min()), int(counts.max())))


def _scores(frame: pd.DataFrame) -> Mapping[str, Scores]:
    """The scores of each decoder on each task, by the key of the sample."""
    keyed = frame[["decoder", "task", "accuracy"]].assign(sample=tables.sample_keys(frame))
    found: dict[str, dict[str, pd.Series[float]]] = {}
    for (decoder, task), part in keyed.groupby(["decoder", "task"], sort=False):
        found.setdefault(str(decoder), {})[str(task)] = part.groupby("sample", sort=False)["accuracy"].mean()
    return found


def _accuracy(row: Mapping[str, float], bold: bool) -> Value:
    return Value(f"{100 * row['accuracy']:.1f}", f"{100 * row['low']:.1f}", f"{100 * row['high']:.1f}", bold)


def _cost(value: float) -> Value:
    return Value("--" if math.isnan(value) else f"{value:.2f}")


def as_markdown(made: Sequence[PaperTable]) -> str:
    """Return tables in Markdown."""
    return "\n".join(_markdown(one) for one in made)


def _markdown(made: PaperTable) -> str:
    lines = ["| decoder | " + " | ".join(map(_plain, made.columns)) + " |", "|---|" + "---:|" * len(made.columns)]
    for name, values in made.rows:
        cells = [_interval(value, f"**{value.text}**" if value.bold else value.text) for value in values]
        lines.append(f"| {_plain(name)} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _plain(made.caption), ""])


def _plain(text: str) -> str:
    """A text in a cell of a Markdown table."""
    return "".join(f"\\{one}" if one in "\\|*_`<>[]" else one for one in text.replace("\n", " "))


def _interval(value: Value, text: str) -> str:
    return f"{text} [{value.low}, {value.high}]" if value.low else text
