"""How fast a decoder would be if its setting were chosen for each sample: the oracle of ParallelBench, and one without luck.

The paper's oracle (arXiv 2510.04767, Appendix G.2) looks at the outcomes of a sample under all settings of a decoder, keeps the
settings with the best score, and takes the one with the fewest forwards. It sees the outcome that it is then scored by. Where
outcomes are partly random, it counts luck as skill: among six settings that are each right in half of the cases, independently,
it is right in 98 %.

The second oracle never sees the outcome that counts. It goes from the fastest setting to slower ones until one is right, and
then decodes with the *next slower* setting, which it has not looked at; if none of the settings but the slowest is right, it
takes the slowest. If the outcomes of a sample under different settings are independent, what it takes is a mixture of the
settings that does not depend on the outcome, and within a task it is no better than such a mixture. Its price: it is slower
than it had to be by the distance of two settings, so it is a lower bound of what can be gained by adapting to a sample. It
removes only what is independent between settings: two settings that decode a sample identically have one outcome.

A third choice tells how much of the gain is that of tasks: one setting for each task, the fastest of the most accurate, chosen
by one half of its samples for the other half, both ways.

All are compared with the same decoder at equal accuracy without a choice per sample: the fastest mixture of two settings, each
used for a fixed proportion of the samples, that is as accurate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from parallelbench.analysis import stats
from parallelbench.analysis.frontier import step_frontier
from parallelbench.analysis.groups import Integers
from parallelbench.analysis.settings import DRAWS, MATRIX_COLUMNS, VALUES, Floats, TaskMatrix, interval_of, matrices

PAPER, LEFT_OUT, OF_TASK = "best outcome", "outcome left out", "setting of each task"
"""The names of the rules: the paper's, ours, and one that knows the task alone."""
MIN_SETTINGS = 3
MANY_SETTINGS = 16
COLUMNS = [
    "model", "series", "rule", "settings", "tasks", "n", "accuracy", "low", "high",
    "tokens_per_step", "tokens_per_step_low", "tokens_per_step_high", "content_tokens_per_forward", "nfe",
    "fixed_accuracy", "fixed_tokens_per_step", "reached", "ratio", "ratio_low", "ratio_high",
]  # fmt: skip


def best_outcome(scores: Floats, nfe: Floats) -> Integers:
    """Return for each sample the setting with the fewest forwards among those with the best score: the paper's rule.

    Args:
        scores: the score of each sample under each setting, [n, m].
        nfe: the number of forwards, [n, m].

    Returns:
        The column of the chosen setting, [n]; the first of several that are equal.
    """
    best = scores == scores.max(axis=1, keepdims=True)
    chosen: Integers = np.where(best, nfe, np.inf).argmin(axis=1)
    return chosen


def outcome_left_out(scores: Floats, nfe: Floats) -> Integers:
    """Return for each sample the setting next to the fastest one that is right, on the slow side: the rule without luck.

    The arguments and the result are those of `best_outcome`. Scores are 0 or 1. Settings are ordered by their mean number of
    forwards, so that the cost of a sample takes no part in its choice either.
    """
    order = np.argsort(nfe.mean(axis=0), kind="stable")
    right = scores[:, order[:-1]] == 1.0
    place = np.where(right.any(axis=1), right.argmax(axis=1) + 1, order.size - 1)
    return order[place]


def setting_of_task(scores: Floats, nfe: Floats, half: Integers) -> Integers:
    """Return for each sample the fastest of the most accurate settings of the other half of the samples.

    Args:
        scores, nfe: as for `best_outcome`.
        half: the half of each sample, 0 or 1, [n].
    """
    chosen: Integers = np.zeros(len(scores), dtype=np.int64)
    for number in (0, 1):
        others = half != number if (half != number).any() else half == number
        accuracy, cost = scores[others].mean(axis=0), nfe[others].mean(axis=0)
        chosen[half == number] = np.lexsort((cost, -accuracy))[0]
    return chosen


RULES: dict[str, Callable[[TaskMatrix], Integers]] = {
    PAPER: lambda task: best_outcome(task.values["accuracy"], task.values["nfe"]),
    LEFT_OUT: lambda task: outcome_left_out(task.values["accuracy"], task.values["nfe"]),
    OF_TASK: lambda task: setting_of_task(task.values["accuracy"], task.values["nfe"], task.sample % 2),
}


def oracles(frame: pd.DataFrame, draws: int = DRAWS) -> pd.DataFrame:
    """Return the oracles of each model and curve (`series`) with at least three settings whose speed adapts to the model.

    Args:
        frame: one row per sample (`frame.samples`).
        draws: resamples of the bootstrap.

    Returns:
        One row for each (model, series, rule): means over samples, then over tasks. `fixed_tokens_per_step` is the speed of
        the fastest mixture of the decoder's settings at the same accuracy; where none is as accurate (`reached` False), that
        of the most accurate setting, and `fixed_accuracy` is its accuracy. `ratio` is `tokens_per_step` divided by it. All
        intervals are percentile intervals of a bootstrap over the samples of each task. The rule that leaves an outcome
        out is left out where a score is neither 0 nor 1.
    """
    rows: list[dict[str, Any]] = []
    adaptive = frame["adaptive"].astype(bool) & frame["tokens_per_step"].notna()
    known = frame.loc[adaptive, ["model", "series", *MATRIX_COLUMNS]]
    for (model, series), part in known.groupby(["model", "series"], sort=False):
        names = list(part["decoder"].unique())
        tasks = matrices(part, names) if len(names) >= MIN_SETTINGS else []
        binary = all(stats.is_binary(task.values["accuracy"]) for task in tasks)
        named = {"model": model, "series": series, "settings": len(names)}
        rules = [rule for rule in RULES if tasks and (rule != LEFT_OUT or binary)]
        rows += [{**named, **one} for one in oracles_of(tasks, rules, draws)]
    return pd.DataFrame(rows, columns=COLUMNS)


def oracles_of(tasks: list[TaskMatrix], rules: Sequence[str], draws: int = DRAWS, seed: int = 0) -> list[dict[str, Any]]:
    """Return the oracles of these rules over the tasks of one curve, as rows of `oracles` without the names of model and curve.

    All rules are measured on the same resamples.
    """
    if not rules:
        return []
    chosen = [[RULES[rule](task) for rule in rules] for task in tasks]
    fixed = {
        name: np.mean([task.weight @ task.values[name] for task in tasks], axis=0) for name in ("accuracy", "tokens_per_step")
    }
    kept = _comparable(fixed["accuracy"], fixed["tokens_per_step"])
    accuracy, speed = _bootstrap(tasks, chosen, kept, draws, seed)  # each [draws + 1, rules + settings kept]
    most = float(fixed["accuracy"].max())
    rows = []
    for place, rule in enumerate(rules):
        columns = [place, *range(len(rules), accuracy.shape[1])]
        taken = [one[place] for one in chosen]
        rows.append({"rule": rule, **_row(tasks, taken, accuracy[:, columns], speed[:, columns], most)})
    return rows


def _row(tasks: list[TaskMatrix], chosen: list[Integers], accuracy: Floats, speed: Floats, most: float) -> dict[str, Any]:
    """One oracle.

    Args:
        chosen: the setting that the rule chose for each sample of each task.
        accuracy, speed: means over tasks, [draws + 1, 1 + settings]: of the rule and of each setting, measured and resampled.
        most: the highest accuracy of a setting.
    """
    taken = {
        name: np.mean([task.weight @ _taken(task, name, one) for task, one in zip(tasks, chosen, strict=True)])
        for name in VALUES
    }
    mixture = fastest_mixture(accuracy[:, 1:], speed[:, 1:], accuracy[:, 0])
    ratio = speed[:, 0] / mixture
    ends = [interval_of(values[1:]) for values in (accuracy[:, 0], speed[:, 0], ratio)]
    return {
        "tasks": len(tasks), "n": sum(int(task.sample.max()) + 1 for task in tasks),
        "accuracy": float(taken["accuracy"]), "low": ends[0][0], "high": ends[0][1],
        "tokens_per_step": float(taken["tokens_per_step"]), "tokens_per_step_low": ends[1][0],
        "tokens_per_step_high": ends[1][1], "content_tokens_per_forward": float(taken["content_tokens_per_forward"]),
        "nfe": float(taken["nfe"]), "fixed_accuracy": min(float(taken["accuracy"]), most),
        "fixed_tokens_per_step": float(mixture[0]), "reached": bool(most >= taken["accuracy"] - 1e-9),
        "ratio": float(ratio[0]), "ratio_low": ends[2][0], "ratio_high": ends[2][1],
    }  # fmt: skip


def _comparable(accuracy: Floats, speed: Floats) -> Integers:
    """The settings that are compared with: all of a few, and of many those that no other one beats in speed and accuracy."""
    if accuracy.size <= MANY_SETTINGS:
        return np.arange(accuracy.size)
    return np.array(step_frontier(list(zip(speed, accuracy, strict=True))), dtype=np.int64)


def _taken(task: TaskMatrix, name: str, chosen: Integers) -> Floats:
    """A number of each sample under the setting that was chosen for it, [n]."""
    values: Floats = np.take_along_axis(task.values[name], chosen[:, None], axis=1)[:, 0]
    return values


def _bootstrap(
    tasks: list[TaskMatrix], chosen: list[list[Integers]], kept: Integers, draws: int, seed: int
) -> tuple[Floats, Floats]:
    """Accuracy and speed of the choices, and of the settings `kept`, measured and in resamples of the samples of each task.

    `chosen` holds for each task and rule the setting of each sample.
    """
    generator = np.random.default_rng(seed)
    sums: Floats = np.zeros((2, draws + 1, len(chosen[0]) + kept.size))
    for task, rules in zip(tasks, chosen, strict=True):
        weights = np.vstack([task.weight, task.weights(generator, draws)])
        for place, name in enumerate(("accuracy", "tokens_per_step")):
            taken = [_taken(task, name, one) for one in rules]
            sums[place] += weights @ np.column_stack([*taken, task.values[name][:, kept]])
    accuracy, speed = sums / len(tasks)
    return accuracy, speed


def fastest_mixture(accuracy: Floats, speed: Floats, at_least: Floats) -> Floats:
    """Return the highest speed of a mixture of two settings with an accuracy of at least `at_least`.

    It lies on an edge of the upper concave hull of the points (accuracy, speed), the edge that `at_least` falls on. The search
    for the edge takes O(m) of memory and a few passes over the settings; a table of all pairs would take O(m^2).

    Args:
        accuracy, speed: of each setting, [b, m].
        at_least: the accuracy that is needed, [b].

    Returns:
        The speeds, [b]; where no setting is as accurate, the speed of the most accurate one.
    """
    rows = np.arange(len(accuracy))
    enough = accuracy >= at_least[:, None] - 1e-9
    slow = np.where(enough, speed, -np.inf).argmax(axis=1)  # the accurate setting of the two
    fast = np.where(enough, -np.inf, speed).argmax(axis=1)  # the other
    found: Floats = np.where(enough.any(axis=1), speed[rows, slow], speed[rows, accuracy.argmax(axis=1)])
    rows = rows[enough.any(axis=1) & ~enough.all(axis=1) & (speed[rows, fast] > speed[rows, slow])]
    for _ in range(accuracy.shape[1]):  # each round brings a setting that was none of the two
        part_slow, part_fast = slow[rows], fast[rows]
        distance = accuracy[rows, part_slow] - accuracy[rows, part_fast]
        part = (at_least[rows] - accuracy[rows, part_fast]) / distance
        found[rows] = np.maximum(found[rows], part * speed[rows, part_slow] + (1.0 - part) * speed[rows, part_fast])
        # A setting above the line through both is a better one of the two, on its side of `at_least`.
        slope = (speed[rows, part_fast] - speed[rows, part_slow]) / distance
        height = speed[rows] + slope[:, None] * accuracy[rows]
        above = height.argmax(axis=1)
        reached = height[np.arange(rows.size), part_slow]
        better = (height.max(axis=1) > reached + 1e-12 * np.abs(reached)) & (above != part_slow) & (above != part_fast)
        rows, above = rows[better], above[better]
        if not rows.size:
            break
        is_slow = enough[rows, above]
        slow[rows[is_slow]], fast[rows[~is_slow]] = above[is_slow], above[~is_slow]
    return found
