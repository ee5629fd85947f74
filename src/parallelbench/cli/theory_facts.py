"""What `parallelbench theory` says: the numbers of one task, one size and one decoder, as one value. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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

ANY_ORDER = ("random", "left_to_right")  # orders that are fixed before a token is seen


class Subject(NamedTuple):
    """A law by name, the size that the task's own name says (None: none), and whether the input's order is no answer."""

    law: str
    n: int | None = None
    must_differ: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """The answer, in the order in which it is printed; None where no formula is known.

    `schedule` are sizes. `optimal_schedule` are sizes where only sizes matter (exchangeable laws), else sets of positions.
    `best_before_draw` and `best_after_draw` are the highest expected accuracies within 1, 2, ... forwards of samplers that draw
    independently and take nothing back: of those that choose the positions of a forward before they draw (the paper's
    Theorem 1), and of those that choose what to keep after they have drawn. Each ends where it reaches 1.
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
    """Read a law's name, or a task's: `waiting_line/shuffle` is Shuffle that must differ, `puzzle/latin_square_n4` has n = 4.

    Raises:
        UserError: neither a law nor a task has this name, the task's answers have no law, or the rule is not Shuffle's.
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
    if operation not in LAWS:  # a puzzle with one solution: as certain as Copy of its cells
        return Subject("copy", len("".join(sample.answer.split())))
    return Subject(operation, None, must_differ or (sample.law == "shuffle" and not sample.facts.get("may_stay", False)))


def check_size(about: Subject, n: int, setting: Setting) -> None:
    """Refuse more positions a step, or more steps, than there are positions.

    Raises:
        UserError: names the option and how many positions there are.
    """
    positions = positions_of(about.law, n)
    for name, value in (("k", setting.k), ("steps", setting.steps)):
        if value is not None and value > positions:
            raise UserError(f"--{name} is {value}, but {about.law} with n = {n} has {positions} positions; write at most that.")


def facts_of(about: Subject, n: int, setting: Setting) -> Facts:
    """Compute everything for one size.

    Raises:
        UserError: n is out of range, the schedule does not fit, or the law is too large for what must be searched.
    """
    before, after = best_before_draw(about, n, setting.temperature), best_after_draw(about, n, setting.temperature)
    return replace(_facts_of_schedule(about, n, setting), best_before_draw=before, best_after_draw=after)


def best_before_draw(about: Subject, n: int, temperature: float) -> tuple[float, ...] | None:
    """The best accuracy within T = 1, 2, ... forwards, positions chosen before the draw; None where the law is too large."""
    try:
        return _until_sure(theory.best_policy(law(about.law, n, must_differ=about.must_differ), temperature).accuracies)
    except UserError:
        return None


def best_after_draw(about: Subject, n: int, temperature: float) -> tuple[float, ...] | None:
    """The same, chosen after the draw; None where there is neither a formula nor a law that is small enough."""
    positions = range(1, positions_of(about.law, n) + 1)
    try:
        if about.law == "shuffle":
            return _until_sure(theory.shuffle_after_draw(n, t, about.must_differ, temperature) for t in positions)
        if about.law in RANDOM:
            return _until_sure(theory.place_after_draw(about.law, n, t, temperature) for t in positions)
        if about.law in DETERMINISTIC:
            return (1.0,)
        return _until_sure(theory.best_after_draw(law(about.law, n), temperature).accuracies)
    except UserError:
        return None


def _until_sure(accuracies: Iterable[float]) -> tuple[float, ...]:
    """The values up to the first that is 1 but for rounding."""
    found: list[float] = []
    for accuracy in accuracies:
        found.append(float(accuracy))
        if accuracy > 1.0 - 1e-12:
            break
    return tuple(found)


def _facts_of_schedule(about: Subject, n: int, setting: Setting) -> Facts:
    """What follows from the setting's steps.

    Raises:
        UserError: n is out of range, the schedule does not fit, or the law is too large for what must be searched.
    """
    positions = positions_of(about.law, n)
    sizes = sizes_of(about, positions, setting)
    closed = total_correlation_of(about.law, n, about.must_differ)
    whole = total_correlation(law(about.law, n)) if closed is None else closed
    limit = limit_of_accuracy(about.law, setting)
    accuracy = accuracy_of(about.law, n, setting, about.must_differ)
    if sizes is None:
        return Facts(whole, None, None, None, None, accuracy, limit)
    if len(sizes) in (1, positions):  # no law is needed, so n may be as large as the formulas allow
        least = whole if len(sizes) == 1 else 0.0
        return Facts(whole, least, least, sizes, sizes, accuracy, limit)
    answers = law(about.law, n, must_differ=about.must_differ)
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
    """The sizes of the steps; None where they depend on what is drawn.

    The confidences of Shuffle are all 1/m with m positions unknown, those of a law with one answer all 1, so there they are
    known for every decoder that the closed forms know.
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
    """L_T of the sizes; None where it depends on which positions the confidences choose."""
    if decoder not in ANY_ORDER and not answers.exchangeable:
        return None
    return bound_of_sizes(answers, sizes, "left_to_right" if decoder == "left_to_right" else "random")


def _enumerated(answers: Law, sizes: tuple[int, ...], setting: Setting) -> float | None:
    """Accuracy without a formula, summed over all right answers: for an order that needs no draw, and not too many answers."""
    known = setting.decoder == "left_to_right" or (setting.decoder == "random" and answers.exchangeable)
    if not known or answers.support_size > 50_000:
        return None
    return partition_accuracy(answers, left_to_right(sizes), setting.temperature)
