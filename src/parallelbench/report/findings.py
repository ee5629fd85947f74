"""The sentences at the top of a report: what was found about each model, from its numbers, with intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

from parallelbench.analysis import stats
from parallelbench.analysis.frame import as_rows
from parallelbench.analysis.loss import KEPT, ROUNDING, SHARP, Headline
from parallelbench.report.data import ReportData
from parallelbench.report.tables import percent


class Finding(NamedTuple):
    """A sentence, and the id of the section that shows its numbers."""

    text: str
    section: str


def findings(data: ReportData, headline: Headline) -> list[Finding]:
    """Return up to two sentences about a model: how fast it can be decoded, and what speed costs on which tasks.

    Only settings of which every sample is decoded are spoken of, and an unfinished run says so.
    """
    found = [_fastest(headline, data.unfinished_samples), _cost(data, headline)]
    return [one for one in found if one is not None]


def _fastest(headline: Headline, unfinished: str) -> Finding | None:
    """The fastest setting that keeps the accuracy of one token at a time, compared with that."""
    slow, fast, points = headline.baseline, headline.fastest, round(100 * KEPT)
    if unfinished and (slow is None or fast is None or not headline.faster):
        return Finding(f"How fast {headline.model} can be decoded is not known yet: {unfinished}.", "provenance")
    if slow is None or fast is None:
        return None
    if not headline.faster:
        text = f"{slow['decoder']} is right in {_rate(slow)} of answers; no faster setting ran on every task."
        return Finding(text, "tradeoff")
    of = f"Of the settings that are finished ({unfinished}), " if unfinished else ""
    if slow["decoder"] == fast["decoder"]:
        none = f"{of}none that is faster" if of else "No faster setting"
        text = f"{none} stays within {points} points of {slow['decoder']}, which is right in {_rate(slow)} of answers."
        return Finding(text, "tradeoff")
    name = fast["decoder"].replace(" | ", " or ") + (
        " (each chosen on one half of the samples and measured on the other)" * (" | " in fast["decoder"])
    )
    text = (
        f"{of}{name} is the fastest{'' if of else ' setting'} within {points} points of one token at a time: {_rate(fast)} of "
        f"its answers are right at {_speed(fast)}, against {_rate(slow)} at {_pace(slow)} ({slow['decoder']})."
    )
    return Finding(text, "tradeoff")


def _cost(data: ReportData, headline: Headline) -> Finding | None:
    """What the curve of reference loses between one token at a time and a faster setting, and on which tasks."""
    rows = [row for row in as_rows(data.losses) if row["model"] == headline.model]
    fast = [row for row in rows if row["speed"] == headline.speed > 1]
    compared = {row["decoder"] for row in rows if row["speed"] in (1, headline.speed)}
    if not fast or any((headline.model, decoder) in data.unfinished_settings for decoder in compared):
        return None
    lost = sorted((row for row in fast if row["loss"] > SHARP + ROUNDING), key=lambda row: -row["loss"])
    names = ", ".join(f"{row['task']} ({100 * row['loss']:.0f})" for row in lost[:3])
    cause = f"{len(lost)} of {len(fast)} tasks lose more than {100 * SHARP:.0f} points" + (f", led by {names}" if lost else "")
    text = (
        f"At {headline.speed} tokens per step{_content(fast)} {data.curve} loses {_mean_loss(rows, headline.speed)}: "
        f"{cause}.{_exact(data, headline, [row['task'] for row in fast])}"
    )
    return Finding(text, "loss")


def _mean_loss(rows: list[dict[str, Any]], speed: int) -> str:
    """The mean over tasks of what is lost between one token at a time and a speed, with its interval."""
    slow = {row["task"]: row for row in rows if row["speed"] == 1}
    fast = [row for row in rows if row["speed"] == speed]
    both = [(slow[row["task"]], row) for row in fast]
    losses = [row["loss"] for row in fast]
    variances = [sum(one["variance"] / one["n"] for one in two) for two in both]
    low, high = stats.normal_interval(losses, [1] * len(both), variances)
    return f"{100 * sum(losses) / len(losses):.1f} points on average {_between(100 * low, 100 * high)}"


def _content(rows: list[dict[str, Any]]) -> str:
    """The speed in the unit in which the first picture is drawn, in brackets; empty where the content is unknown."""
    speed = sum(row["content_tokens_per_forward"] for row in rows) / len(rows)
    return f" ({speed:.1f} content tokens per forward)" if speed == speed else ""


def _exact(data: ReportData, headline: Headline, tasks: list[str]) -> str:
    """What the exact model loses between the same speeds on the same tasks; empty where it did not run on all of them."""
    exact = data.exact_model_of(headline.model)
    rows = [row for row in as_rows(data.losses) if row["model"] == exact]
    fast = [row for row in rows if row["speed"] == headline.speed]
    if {row["task"] for row in fast} != set(tasks) or any((exact, row["decoder"]) in data.unfinished_settings for row in fast):
        return ""
    return (
        f" The exact model, which has the true probabilities, loses {_mean_loss(rows, headline.speed)} at the same settings, "
        "so this much is due to the decoder and not to the model."
    )


def _rate(row: dict[str, Any]) -> str:
    return f"{percent(row['accuracy'])} % {_between(100 * row['low'], 100 * row['high'])}"


def _unit(row: dict[str, Any]) -> str:
    """Content tokens per forward, which padding does not raise; tokens per step where the content is unknown."""
    known = row["content_tokens_per_forward"] == row["content_tokens_per_forward"]
    return "content_tokens_per_forward" if known else "tokens_per_step"


def _pace(row: dict[str, Any]) -> str:
    """The speed of a setting without its unit, in two digits at least."""
    value = row[_unit(row)]
    return f"{value:.2g}" if value < 10 else f"{value:.1f}"


def _speed(row: dict[str, Any]) -> str:
    name = _unit(row)
    return f"{row[name]:.1f} {name.replace('_', ' ')} {_between(row[f'{name}_low'], row[f'{name}_high'])}"


def _between(low: float, high: float) -> str:
    """A 95 % interval, or the words for none."""
    return f"[{low:.1f}, {high:.1f}]" if low == low and high == high else "(no interval: one sample a task)"
