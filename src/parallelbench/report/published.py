"""The numbers that the paper published: hollow points beside ours in the trade-off figures, and a table of differences."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.frontier import Rows
from parallelbench.report.data import ReportData
from parallelbench.report.section import Section
from parallelbench.report.tables import Cell, Table, number, percent, rate

LONG = 40
"""A table of more rows is folded."""
REMARKS: tuple[tuple[str, str], ...] = (
    (
        "waiting_line/sort",
        "Sort: the paper's prompt says last name, its key sorts by first name; ours sorts by last name, so the tasks differ.",
    ),
    (
        "_index",
        "Replace, Insert and Remove Index: the paper's prompt does not say that positions count from 0, only its demonstration "
        "shows it; ours says so.",
    ),
    (
        "words_to_sentence",
        "Texts: the paper's grammar score is LanguageTool's (`grammar_languagetool`), ours is Harper's by default.",
    ),
    (
        "paraphrase_summarize",
        "Summaries and paraphrases: the paper's texts are from SAMSum and ChatGPT-paraphrases (`--suite hf`).",
    ),
    (
        "threshold:gamma=1.0",
        "gamma = 1 is not one token at a time in the paper: in bfloat16 many probabilities are exactly 1 and pass (2.6 tokens "
        "per step for LLaDA 1.5).",
    ),
    ("rcr", "RCR: the paper's code counts no forwards, so the speed of its points is not known and they are not drawn."),
    ("wino", "WINO: the page counts 2 tokens per step for its slowest setting, where ours counts each forward."),
    ("puzzle/sudoku", "Sudoku: the paper has 108 puzzles of one file."),
)
"""Parts of a task's or decoder's name, and what a reader of its published numbers must know."""


def published_rows(data: ReportData, model: str) -> Rows:
    """The published points that belong in the panels of one model; points without a known speed are not drawn."""
    table = data.published
    return _drawable(table[table["model"] == model])


def mean_rows(data: ReportData, ours: Rows) -> Rows:
    """Published means over the tasks that a model ran, for settings that were published for all of them."""
    tasks = data.points.groupby("model")["task"].nunique()
    keys = ["model", "family", "decoder", "of", "other"]
    groups = data.published.groupby(keys, sort=False)
    means = groups[["tokens_per_step", "accuracy"]].mean().assign(tasks=groups["task"].nunique()).reset_index()
    models = {row["model"] for row in ours}
    return [
        row
        for row in _drawable(means[means["tasks"] == means["model"].map(tasks)].drop(columns="tasks"))
        if row["model"] in models
    ]


def _drawable(table: pd.DataFrame) -> Rows:
    return as_rows(table[table["tokens_per_step"].notna()])


def drawn_points(base: alt.Chart, size: int) -> list[alt.Chart]:
    """The chart of the published points; `base` has the axes and colours of ours."""
    tooltip = [
        alt.Tooltip("of:N", title="published"),
        alt.Tooltip("decoder:N"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("tokens_per_step:Q", title="tokens per step", format=".2f"),
    ]
    points = base.transform_filter("isValid(datum.of)").mark_point(
        filled=False, size=size, strokeWidth=1.4, ariaRoleDescription="published point"
    )
    return [points.encode(tooltip=tooltip)]


def caption(rows: Rows) -> str:
    """The sentence under a figure that names the models of the hollow points."""
    names = list(dict.fromkeys(row["of"] for row in rows))
    return f" Hollow points, where speed is tokens per step: published for {' and '.join(names)}." if names else ""


def beside_published(data: ReportData) -> Section | None:
    """Our results cell by cell with the paper's, where the same model ran; else the models of the hollow points."""
    if data.published.empty:
        return None
    rows = as_rows(data.compared)
    others = data.published[data.published["other"]].groupby("of", sort=False)["model"].unique()
    sentences = [
        f"The hollow points beside {', '.join(models)} are those of {of}, another model: they show where a curve of the paper "
        "bends, and no difference is computed."
        for of, models in others.items()
    ]
    if rows:
        inside = sum(row["inside"] for row in rows)
        sentences.insert(
            0,
            f"{inside} of {len(rows)} results are within what the samples of both allow (the 95 % interval of the difference "
            f"holds 0); by chance alone about {round(0.05 * len(rows))} would not be. The questions are the paper's in the "
            "suite official only; elsewhere a difference is also one of names and wording.",
        )
    return Section(
        "published", "Beside the published numbers", " ".join([*sentences, *remarks(data)]), tables=_table(data, rows)
    )


def remarks(data: ReportData) -> list[str]:
    """What a reader must know of the published numbers that are shown."""
    shown = {*data.published["task"], *data.published["decoder"]}
    found = [text for part, text in REMARKS if any(part in name for name in shown)]
    return [*found, "Tokens per step count the padding after the end of an answer, in the paper and here."]


def _table(data: ReportData, rows: Rows) -> list[Table]:
    several = len(data.models) > 1
    header = [
        "task",
        "decoder",
        "samples",
        "ours, %",
        "95 % interval",
        "published, %",
        "difference, points",
        "tokens/step",
        "published",
        "within",
    ]
    lines = [
        [
            Cell(f"{row['model']} · {row['task']}" if several else row["task"]),
            Cell(row["decoder"]),
            Cell(str(row["n"]), right=True),
            rate(row["accuracy"]),
            Cell(f"{percent(row['low'])} to {percent(row['high'])}"),
            rate(row["published"]),
            Cell(_points(row), right=True),
            number(row["tokens_per_step"]),
            number(row["published_tokens_per_step"]),
            Cell("yes" if row["inside"] else "no"),
        ]
        for row in rows
    ]
    source = " and ".join(_sources(rows))
    caption = f"Ours and published ({source}), and the difference with its 95 % interval (Newcombe, two independent samples)"
    return [Table(caption, header, lines, folded=len(lines) > LONG)] if lines else []


def _points(row: dict[str, float]) -> str:
    return f"{100 * row['difference']:+.0f} [{100 * row['difference_low']:+.0f}, {100 * row['difference_high']:+.0f}]"


def _sources(rows: Rows) -> Sequence[str]:
    return list(dict.fromkeys(row["source"] for row in rows))
