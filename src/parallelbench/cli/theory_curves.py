"""Draws the curves of `parallelbench theory --plot`: bounds in bits and accuracy against n, as one figure and a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import altair as alt

from parallelbench.cli.theory_facts import Facts, Subject, facts_of, sizes_of
from parallelbench.errors import UserError
from parallelbench.report import theme
from parallelbench.report.looks import FURTHER, PALETTE
from parallelbench.theory import Setting, positions_of, total_correlation_of

SUFFIXES = (".html", ".svg", ".png", ".pdf")
COLUMNS = ("task", "n", "total_correlation_bits", "bound_bits", "optimal_bound_bits", "accuracy", "limit")
CURVES = {"total_correlation_bits": "one step", "bound_bits": "this schedule", "optimal_bound_bits": "best, as many steps"}
Rows = list[dict[str, Any]]


def draw(subjects: Sequence[Subject], sizes: range, setting: Setting, out: Path) -> tuple[Path, Path]:
    """Draw the curves of these laws into `out`, write their data to a CSV file of the same name, and return both paths.

    Raises:
        UserError: the suffix is none of `SUFFIXES`, a file cannot be written, or n is out of range for a law.
    """
    if out.suffix not in SUFFIXES:
        raise UserError(f"{out} names no kind of picture; end it in one of {', '.join(SUFFIXES)}.")
    found = rows(subjects, sizes, setting)
    data = out.with_suffix(".csv")
    try:
        with data.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(found)
        inline = {"inline": True} if out.suffix == ".html" else {}
        chart(found).save(out, **inline)
    except OSError as error:
        raise UserError(f"{error.filename or out} cannot be written ({error.strerror}); choose another place.") from error
    return out, data


def rows(subjects: Sequence[Subject], sizes: range, setting: Setting) -> Rows:
    """Return one row for each law and size; a value is None where no formula is known and the law is too large to search."""
    found = []
    for about in subjects:
        if about.n is not None:
            raise UserError(f"a curve needs a law of any size, and this task has n = {about.n}; give the name of the law.")
        name = about.law + (", must differ" if about.must_differ else "")
        found += [{"task": name, "n": n, **asdict(_facts(about, n, setting))} for n in sizes]
    return found


def _facts(about: Subject, n: int, setting: Setting) -> Facts:
    """The results of one law and size; where the law is too large to search, only total correlation and schedule."""
    positions, whole = positions_of(about.law, n), total_correlation_of(about.law, n, about.must_differ)
    sizes = sizes_of(about, positions, setting)
    try:
        return facts_of(about, n, setting)
    except UserError:
        if whole is None:
            raise
        return Facts(whole, None, None, sizes, None, None, None)


def chart(found: Rows) -> Any:
    """Two panels: bits on the left, with one dash pattern for each of `CURVES`, and accuracy on the right."""
    tasks = list(dict.fromkeys(row["task"] for row in found))
    palette = [*PALETTE, *FURTHER]
    colour = alt.Color("task:N", title="task", scale=alt.Scale(domain=tasks, range=palette[: len(tasks)]))
    x = alt.X("n:Q", title="n", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(zero=False, nice=False))
    base = alt.Chart(alt.Data(values=[{key: row[key] for key in COLUMNS} for row in found])).encode(x=x, color=colour)
    dash = alt.StrokeDash("curve:N", title="bits", scale=alt.Scale(domain=list(CURVES), range=[[1, 0], [6, 3], [2, 2]]),
                          legend=alt.Legend(labelExpr=_labels()))  # fmt: skip
    bits = base.transform_fold(list(CURVES), as_=["curve", "bits"]).transform_filter("isValid(datum.bits)").mark_line()
    bits = bits.encode(y=alt.Y("bits:Q", title="bits that no model avoids"), strokeDash=dash)
    right = base.transform_filter("isValid(datum.accuracy)").mark_line(point=True).encode(
        y=alt.Y("accuracy:Q", title="accuracy of a perfect model", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1]))
    )  # fmt: skip
    return theme.styled(alt.hconcat(bits.properties(width=380, height=300), right.properties(width=380, height=300)))


def _labels() -> str:
    """A Vega expression that names the curves."""
    pairs = ", ".join(f"{key}: '{text}'" for key, text in CURVES.items())
    return f"{{{pairs}}}[datum.label]"
