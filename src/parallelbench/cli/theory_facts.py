"""Computes what `parallelbench theory` prints for one task, one size and one decoder. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from parallelbench import theory
from parallelbench.errors import UserError
from parallelbench.tasks import load_task
from parallelbench.theory import (
    LAWS,
    Law,
    Setting,
    accuracy_of,
    bound_of_sizes,
    law,
    left_to_right,
    limit_of_accuracy,
    optimum,
    partition_accuracy,
    positions_of,
    total_correlation,
    total_correlation_of,
)
from parallelbench.theory.laws import DETERMINISTIC, RANDOM

FIXED_ORDERS = ("random", "left_to_right")  # decoders with an order that does not depend on the tokens


class Subject(NamedTuple):
    """The law that the theory is computed for: the distribution of a task's right answers.

    Attributes:
        law: its name in `theory.LAWS`.
        n: the size, where the task's name fixes it (`puzzle/latin_square_n4`: 4); else None.
        must_differ: whether the order of the input is a wrong answer (only for `shuffle`).
    """

    law: str
    n: int | None = None
    must_differ: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """The results, in the order in which they are printed; None where no formula is known.

    Attributes:
        total_correlation_bits: the total correlation of all positions, which a single step pays.
        bound_bits: the bound L_T of this schedule (paper, Theorem 1).
        optimal_bound_bits: the smallest bound of any schedule with as many steps.
        schedule: the number of positions that each step fills.
        optimal_schedule: the schedule with the smallest bound, as numbers of positions for exchangeable laws, where only these
            matter, else as sets of positions.
        accuracy: the expected accuracy of a perfect model under this decoder.
        limit: the limit of that accuracy for n to infinity.
        best_before_draw, best_after_draw: the highest expected accuracies within T = 1, 2, ... forwards, up to the first T
            where it is 1, of samplers that draw independently and never change a token. The former choose the positions of a
            forward before they draw (the setting of Theorem 1), the latter choose after the draw which tokens to keep.
    """

    total_correlation_bits: float
    bound_bits: float | None
    optimal_bound_bits: float | None
    schedule: tuple[int, ...] | None
    optimal_schedule: tuple[int, ...] | tuple[tuple[int, ...], ...] | None
    accuracy: float | None
    limit: float | None
    best_before_draw: tuple[float, ...] | None = None
    best_after_draw: tuple[float, ...] | None = None


def subject(text: str, must_differ: bool = False) -> Subject:
    """Read the name of a law or of a task.

    The task `waiting_line/shuffle`, for example, has the law `shuffle` with `must_differ`, and `puzzle/latin_square_n4` the law
    `latin_square` with n = 4.

    Raises:
        UserError: neither a law nor a task has this name, the task's answers have no law, or `must_differ` is set for a law
            other than `shuffle`.
    """
    if "/" not in text:
        positions_of(text, 2)
        found = Subject(text, None, must_differ)
    else:
        found = _of_task(text, must_differ)
    if must_differ and found.law != "shuffle":
        raise UserError(f"--must-differ is a rule of shuffle; leave it out for {text}.")
    return found


def _of_task(text: str, must_differ: bool) -> Subject:
    task = load_task(text)
    sample = task.sample(0, 0, 0)
    if sample.law is None:
        raise UserError(
            f"{task.name} has no law of its right answers, so there is no theory of it; choose from {', '.join(LAWS)}."
        )
    if sample.law == "latin_square":
        return Subject("latin_square", len(sample.facts["symbols"]))
    operation = task.name.partition("/")[2]
    if operation not in LAWS:  # a puzzle with one solution: deterministic, like Copy of its cells
        return Subject("copy", len("".join(sample.answer.split())))
    return Subject(operation, None, must_differ or (sample.law == "shuffle" and not sample.facts.get("may_stay", False)))


def check_size(about: Subject, n: int, setting: Setting) -> None:
    """Refuse more positions a step, or more steps, than there are positions.

    Raises:
        UserError: k or steps is larger than the number of positions.
    """
    positions = positions_of(about.law, n)
    for name, value in (("k", setting.k), ("steps", setting.steps)):
        if value is not None and value > positions:
            raise UserError(f"--{name} is {value}, but {about.law} with n = {n} has {positions} positions; write at most that.")


def facts_of(about: Subject, n: int, setting: Setting) -> Facts:
    """Compute all results for one size n.

    Raises:
        UserError: n is out of range, the schedule does not sum to the number of positions, or the law is too large to search.
    """
    facts = _facts_of_schedule(about, n, setting)  # first, so that a law that is too large is refused before more is computed
    before, after = best_before_draw(about, n, setting.temperature), best_after_draw(about, n, setting.temperature)
    return replace(facts, best_before_draw=before, best_after_draw=after)


@lru_cache(maxsize=1)
def _law_of(about: Subject, n: int) -> Law:
    """The law, which is enumerated once for all results of one size."""
    return law(about.law, n, must_differ=about.must_differ)


def best_before_draw(about: Subject, n: int, temperature: float) -> tuple[float, ...] | None:
    """The best accuracies within T = 1, 2, ... forwards if positions are chosen before the draw; None where n is too large."""
    try:
        return _until_one(theory.best_policy(_law_of(about, n), temperature).accuracies)
    except UserError:
        return None


def best_after_draw(about: Subject, n: int, temperature: float) -> tuple[float, ...] | None:
    """The best accuracies within T = 1, 2, ... forwards if the sampler chooses after the draw which tokens to keep.

    None where no formula is known and the law is too large to search.
    """
    positions = range(1, positions_of(about.law, n) + 1)
    try:
        if about.law == "shuffle":
            return _until_one(theory.shuffle_after_draw(n, t, about.must_differ, temperature) for t in positions)
        if about.law in RANDOM:
            return _until_one(theory.place_after_draw(about.law, n, t, temperature) for t in positions)
        if about.law in DETERMINISTIC:
            return (1.0,)
        return _until_one(theory.best_after_draw(_law_of(about, n), temperature).accuracies)
    except UserError:
        return None


def _until_one(accuracies: Iterable[float]) -> tuple[float, ...]:
    """The values up to and including the first that is 1 within rounding."""
    found: list[float] = []
    for accuracy in accuracies:
        found.append(float(accuracy))
        if accuracy > 1.0 - 1e-12:
            break
    return tuple(found)


def _facts_of_schedule(about: Subject, n: int, setting: Setting) -> Facts:
    """Compute the results that depend on the setting's schedule.

    Raises:
        UserError: n is out of range, the schedule does not sum to the number of positions, or the law is too large to search.
    """
    positions = positions_of(about.law, n)
    sizes = sizes_of(about, positions, setting)
    closed = total_correlation_of(about.law, n, about.must_differ)
    whole = total_correlation(_law_of(about, n)) if closed is None else closed
    limit = limit_of_accuracy(about.law, setting)
    accuracy = accuracy_of(about.law, n, setting, about.must_differ)
    if sizes is None:
        return Facts(whole, None, None, None, None, accuracy, limit)
    if len(sizes) in (1, positions):  # the formulas suffice, so n may be too large to enumerate the law
        least = whole if len(sizes) == 1 else 0.0
        return Facts(whole, least, least, sizes, sizes, accuracy, limit)
    answers = _law_of(about, n)
    bits, best = _bound(answers, sizes, setting.decoder), optimum(answers)
    least = float(best.bounds[len(sizes) - 1])
    partition = best.schedule(len(sizes))
    chosen = tuple(len(part) for part in partition) if best.by_size else partition
    if bits is not None and bits <= least + 1e-9:
        chosen = sizes
    if accuracy is None:
        accuracy = _enumerated(answers, sizes, setting)
    return Facts(whole, bits, least, sizes, chosen, accuracy, limit)


def sizes_of(about: Subject, positions: int, setting: Setting) -> tuple[int, ...] | None:
    """The number of positions that each step fills; None where it depends on the tokens that are drawn.

    With m unknown positions all confidences of Shuffle are 1/m, and all confidences of a law with one right answer are 1. For
    these laws the sizes are therefore known for `threshold` and `factor` too.
    """
    sizes = setting.schedule(positions)
    if sizes is not None or setting.decoder not in ("threshold", "factor"):
        return sizes
    if about.law not in DETERMINISTIC and (about.law != "shuffle" or about.must_differ):
        return None
    quota, steps, left = setting.quota(positions), list[int](), positions
    while left:
        steps.append(min(left, max(1, quota(left, 1.0 if about.law in DETERMINISTIC else 1.0 / left, 0, 0.0))))
        left -= steps[-1]
    return tuple(steps)


def _bound(answers: Law, sizes: tuple[int, ...], decoder: str) -> float | None:
    """The bound L_T of a schedule; None where it depends on which positions the confidences select."""
    if decoder not in FIXED_ORDERS and not answers.exchangeable:
        return None
    return bound_of_sizes(answers, sizes, "left_to_right" if decoder == "left_to_right" else "random")


def _enumerated(answers: Law, sizes: tuple[int, ...], setting: Setting) -> float | None:
    """The accuracy as a sum over all right answers; None if the order depends on the draws or there are over 50,000 answers."""
    known = setting.decoder == "left_to_right" or (setting.decoder == "random" and answers.exchangeable)
    if not known or answers.support_size > 50_000:
        return None
    return partition_accuracy(answers, left_to_right(sizes), setting.temperature)
