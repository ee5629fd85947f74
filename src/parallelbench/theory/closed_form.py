"""Selects the closed form for a law and a decoder: `accuracy_of("shuffle", 10, Setting("confidence", k=2))` is 0.24609.

Two facts hold for every law if the marginals are exact. Filling one position per step never leaves the law's support, so its
accuracy is 1. A threshold of 1 fills several positions in one step only if all are certain, so its accuracy is 1 too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from parallelbench.errors import UnknownName, UserError
from parallelbench.theory import accuracy
from parallelbench.theory.accuracy import Quota
from parallelbench.theory.laws import DETERMINISTIC, LAWS
from parallelbench.theory.partitions import sizes_of

DRAW_INDEPENDENT: Final = ("random", "margin", "entropy", "left_to_right")
"""Decoders that choose positions without looking at the drawn tokens."""
DRAW_DEPENDENT: Final = ("confidence", "threshold", "factor", "one_by_one", "all_at_once")
"""Decoders that rank positions by the probability of the token that was drawn there."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A decoder and its parameters, with the names of `parallelbench.decoding`.

    Attributes:
        decoder: random, margin, entropy, left_to_right or confidence (with at most one of `k`, `steps` and `sizes`; without
            any, k = 1), threshold (with `gamma`), factor (with `f`), one_by_one or all_at_once. Others have no closed form.
        k: the number of positions per step.
        steps: the number of steps.
        sizes: the number of positions of each step.
        gamma: the threshold on the confidence, in [0, 1].
        f: the factor of Fast-dLLM's factor rule, positive.
        temperature: 0 takes the most probable token, with ties broken at random; 1 draws from the marginals.

    Raises:
        UserError: gamma is missing or outside [0, 1], f is missing or not positive, or the temperature is negative.
    """

    decoder: str = "confidence"
    k: int | None = None
    steps: int | None = None
    sizes: tuple[int, ...] | None = None
    gamma: float | None = None
    f: float | None = None
    temperature: float = 0.0

    def __post_init__(self) -> None:
        if self.decoder == "threshold" and (self.gamma is None or not 0.0 <= self.gamma <= 1.0):
            raise UserError(f"gamma is {self.gamma}, but a threshold of confidence lies in [0, 1]; give for example 0.9.")
        if self.decoder == "factor" and (self.f is None or not self.f > 0.0):
            raise UserError(f"f is {self.f}, but the factor rule needs a positive number; give for example 1.0.")
        if self.temperature < 0.0:
            raise UserError(f"the temperature is {self.temperature}, but it cannot be negative; give 0 for greedy or 1.")

    def schedule(self, positions: int) -> tuple[int, ...] | None:
        """The number of positions that each step fills, out of `positions` in total; None where it depends on confidences.

        Raises:
            UserError: k, steps or sizes are not possible with this number of positions, or more than one of them is set.
        """
        if self.decoder in ("one_by_one", "all_at_once"):
            return sizes_of(positions, k=1 if self.decoder == "one_by_one" else positions)
        if self.decoder == "threshold":
            return sizes_of(positions, k=positions) if self.gamma == 0.0 else None
        if self.decoder not in (*DRAW_INDEPENDENT, "confidence"):
            return None
        default = 1 if self.k is None and self.steps is None and self.sizes is None else self.k
        return sizes_of(positions, default, self.steps, self.sizes)

    def quota(self, positions: int) -> Quota:
        """The function that returns how many positions a step commits, given the confidences (`accuracy.Quota`)."""
        if self.decoder == "factor":
            return accuracy.factor(self.f or 0.0)
        sizes = self.schedule(positions)
        return accuracy.threshold(self.gamma or 0.0) if sizes is None else accuracy.schedule(sizes)


def accuracy_of(task: str, n: int, setting: Setting, must_differ: bool = False) -> float | None:
    """Return the probability that a model with exact marginals answers right under this decoder; None without a formula.

    `must_differ` applies to Shuffle: the order of the input is then a wrong answer.

    Raises:
        UserError: the task is unknown, n is out of range, or the schedule is not possible with the number of positions.
    """
    positions = positions_of(task, n)
    if must_differ and n < 2:
        raise UserError("one item cannot be shuffled into a different order; give n of 2 or more.")
    if setting.decoder not in DRAW_INDEPENDENT + DRAW_DEPENDENT:
        return None
    sizes = setting.schedule(positions)
    greedy = setting.temperature == 0.0
    lossless = setting.gamma == 1.0 if sizes is None and setting.decoder == "threshold" else sizes == (1,) * positions
    if task in DETERMINISTIC or lossless or (task == "remove_random" and greedy):
        return 1.0  # greedy Remove Random: each position decides by the posterior median of the removed place, which is right
    if task == "shuffle" and not must_differ:
        return accuracy.shuffle(n, setting.quota(n))
    if setting.temperature not in (0.0, 1.0):
        return None
    if task == "replace_random":
        return accuracy.replace_random(n, setting.quota(n), setting.decoder in DRAW_DEPENDENT, greedy)
    return _at_once(task, n, greedy) if sizes == (positions,) else None


def limit_of_accuracy(task: str, setting: Setting) -> float | None:
    """Return the limit of `accuracy_of` for n to infinity at a fixed setting; None where it does not exist or is not known.

    Shuffle: 0 for two or more positions per step (paper, equation 4). A threshold gamma fills positions one at a time until the
    confidence 1/m reaches gamma, and then the last floor(1/gamma) positions in one step.

    Replace Random at temperature 1: 1/e in one step (paper), and 1 for a fixed k if the order does not depend on the draws. In
    its first step a threshold below 1 commits all but about Poisson(1) positions, so the limit is sum_j A(j) / (e j!) with A(j)
    the accuracy with j unknown positions. At temperature 0: 0 in one step and for a threshold below 1 (paper).
    """
    if task not in LAWS:
        raise UnknownName("law", task, LAWS)
    greedy, decoder, gamma = setting.temperature == 0.0, setting.decoder, setting.gamma
    fixed = decoder in (*DRAW_INDEPENDENT, "confidence") and setting.steps is None and setting.sizes is None
    lossless = decoder == "one_by_one" or (fixed and setting.k in (None, 1)) or (decoder == "threshold" and gamma == 1.0)
    at_once = decoder == "all_at_once" or (decoder == "threshold" and gamma == 0.0)
    if decoder not in DRAW_INDEPENDENT + DRAW_DEPENDENT:
        return None
    if task in DETERMINISTIC or lossless or (task == "remove_random" and greedy):
        return 1.0
    if task == "replace_random":
        return _limit_of_replace_random(setting, at_once, fixed)
    if at_once:
        return None if task == "sudoku" else 0.0
    if task == "shuffle" and decoder == "threshold" and gamma is not None:
        return accuracy.shuffle(int(1.0 / gamma) + 1, accuracy.threshold(gamma))
    return 0.0 if task == "shuffle" and fixed else None


def positions_of(task: str, n: int) -> int:
    """Return the number of symbols in an answer to a task of size n.

    Raises:
        UserError: the task is unknown, or n is out of range.
    """
    if task not in LAWS:
        raise UnknownName("law", task, LAWS)
    least = 2 if task.startswith("remove") else 1
    if n < least:
        raise UserError(f"n is {n}, but {task} needs at least {least}; give n of {least} or more.")
    growth = {"insert_random": 1, "insert_index": 1, "remove_random": -1, "remove_index": -1}
    return n * n if task in ("latin_square", "sudoku") else n + growth.get(task, 0)


def _at_once(task: str, n: int, greedy: bool) -> float | None:
    match task:
        case "shuffle":
            return accuracy.shuffle_must_differ_at_once(n, greedy)
        case "insert_random":
            return accuracy.insert_random_at_once(n, greedy)
        case "remove_random":
            return accuracy.remove_random_at_once(n)
        case "latin_square":
            return accuracy.latin_square_at_once(n)
        case _:
            return None


def _limit_of_replace_random(setting: Setting, at_once: bool, fixed: bool) -> float | None:
    if setting.temperature == 0.0:
        return 0.0 if at_once or setting.decoder == "threshold" else None
    if setting.temperature != 1.0:
        return None
    if at_once:
        return math.exp(-1.0)
    if setting.decoder == "threshold":
        quota = setting.quota(1)
        terms = (accuracy.replace_random(j, quota, True, False) / math.factorial(j) for j in range(1, 30))
        return math.exp(-1.0) * math.fsum(terms)
    return 1.0 if fixed and setting.decoder in DRAW_INDEPENDENT else None
