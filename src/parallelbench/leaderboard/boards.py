"""Ranks the curves of submissions that ran on the same tasks of the same suite, from their primary numbers alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parallelbench.analysis import stats
from parallelbench.leaderboard.form import Curve, Part, SettingResult, Submission
from parallelbench.runs.short_settings import short_specs

BARS = (0.9, 0.8, 0.7)


@dataclass(frozen=True, slots=True)
class Reached:
    """A speed with its accuracy, both means over tasks: (mean, low, high), where low and high are NaN if they are unknown.

    `setting` is the setting, or the two that the halves of the samples chose, that of the first half first.
    """

    setting: str
    speed: tuple[float, float, float]
    accuracy: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class RankedCurve:
    """One curve: what it reaches at each of `BARS` (None: nothing), and its most accurate setting.

    `held_out` says whether what is reached was chosen on one half of the samples and reported on the other.
    """

    curve: Curve
    origin: str
    source: str
    reached: tuple[Reached | None, ...]
    best: Reached
    held_out: bool

    @property
    def rank(self) -> tuple[float, ...]:
        """Higher is better: the speed at each bar, from the highest bar down, then the accuracy of the best setting."""
        return (*(one.speed[0] if one else 0.0 for one in self.reached), self.best.accuracy[0])


@dataclass(frozen=True, slots=True)
class Board:
    """Curves that are comparable: the same suite and tasks; the best first."""

    suite: str
    tasks: tuple[str, ...]
    curves: tuple[RankedCurve, ...]


def boards(submissions: Iterable[Submission]) -> list[Board]:
    """Return one board for each suite and set of tasks: those with measured curves first, then the largest.

    A curve that is in several submissions with the same numbers is there once.
    """
    found: dict[tuple[str, tuple[str, ...]], dict[Curve, Submission]] = {}
    for submission in submissions:
        for curve in submission.curves:
            tasks = tuple(sorted(one.task for one in curve.settings[0].tasks))
            found.setdefault((curve.suite, tasks), {}).setdefault(curve, submission)
    made = [
        Board(suite, tasks, tuple(sorted(itertools.starmap(ranked, curves.items()), key=lambda row: row.rank, reverse=True)))
        for (suite, tasks), curves in found.items()
    ]
    return sorted(made, key=lambda board: (all(row.origin == "published" for row in board.curves), -len(board.curves)))


def ranked(curve: Curve, submission: Submission) -> RankedCurve:
    """Return what a curve reaches. Of curves with two halves each half chooses for the other. Settings have short names."""
    short = short_specs([setting.decoder for setting in curve.settings])
    settings = (one.model_copy(update={"decoder": name}) for one, name in zip(curve.settings, short, strict=True))
    curve = curve.model_copy(update={"settings": tuple(settings)})
    held_out = all(len(one.parts) == 2 for setting in curve.settings for one in setting.tasks)
    reached = tuple(_held_out(curve, bar) if held_out else _same(curve, bar) for bar in BARS)
    best = max(curve.settings, key=means)
    return RankedCurve(curve, submission.origin, submission.source, reached, _reported(best, best), held_out)


def _held_out(curve: Curve, bar: float) -> Reached | None:
    first, second = (_fastest(curve.settings, bar, half) for half in (0, 1))
    return None if first is None or second is None else _reported(first, second)


def _same(curve: Curve, bar: float) -> Reached | None:
    chosen = _fastest(curve.settings, bar, None)
    return None if chosen is None else _reported(chosen, chosen)


def _fastest(settings: Sequence[SettingResult], bar: float, half: int | None) -> SettingResult | None:
    """The fastest setting with a mean accuracy of at least `bar` on one half of the samples, or on all of them."""
    reaching = [setting for setting in settings if means(setting, half)[0] >= bar]
    return max(reaching, key=lambda setting: means(setting, half)[::-1], default=None)


def means(setting: SettingResult, half: int | None = None) -> tuple[float, float]:
    """Mean accuracy and mean speed over tasks, of one half of the samples or of all."""
    parts = [_pooled(one.parts) if half is None else one.parts[half] for one in setting.tasks]
    return sum(part.accuracy for part in parts) / len(parts), sum(part.tokens_per_step for part in parts) / len(parts)


def _reported(first: SettingResult, second: SettingResult) -> Reached:
    """The numbers of what the first half chose on the second half, and the other way round; of one setting those of all."""
    other = {one.task: one for one in second.tasks}
    parts = [_pooled((other[one.task].parts[0], one.parts[1])) if len(one.parts) == 2 else one.parts[0] for one in first.tasks]
    counts = [part.n for part in parts]
    accuracies, speeds = [part.accuracy for part in parts], [part.tokens_per_step for part in parts]
    ends = stats.mean_interval(accuracies, counts, [_number(part.accuracy_variance) for part in parts])
    speed_ends = stats.normal_interval(speeds, counts, [_number(part.tokens_per_step_variance) for part in parts])
    name = first.decoder if first.decoder == second.decoder else f"{first.decoder} | {second.decoder}"
    mean_speed, mean_accuracy = sum(speeds) / len(speeds), sum(accuracies) / len(accuracies)
    return Reached(name, (mean_speed, *speed_ends), (mean_accuracy, *ends))


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _pooled(parts: Sequence[Part]) -> Part:
    """The numbers of all samples of two parts together."""
    if len(parts) == 1:
        return parts[0]
    a, b = parts
    n = a.n + b.n

    def joined(first: float, second: float, spreads: tuple[float | None, float | None]) -> tuple[float, float | None]:
        mean = (a.n * first + b.n * second) / n
        inside = [0.0 if part.n == 1 else spread for part, spread in zip(parts, spreads, strict=True)]
        if inside[0] is None or inside[1] is None:
            return mean, None
        squares = (a.n - 1) * inside[0] + (b.n - 1) * inside[1] + a.n * b.n / n * (first - second) ** 2
        return mean, squares / (n - 1)

    accuracy, accuracy_variance = joined(a.accuracy, b.accuracy, (a.accuracy_variance, b.accuracy_variance))
    speeds = (a.tokens_per_step_variance, b.tokens_per_step_variance)
    speed, speed_variance = joined(a.tokens_per_step, b.tokens_per_step, speeds)
    return Part.model_construct(
        n=n, accuracy=accuracy, accuracy_variance=accuracy_variance, tokens_per_step=speed,
        tokens_per_step_variance=speed_variance,
    )  # fmt: skip
