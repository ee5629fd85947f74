"""Whether the right answers of a task fit in its canvas, counted in the tokens of the model that will be run."""

from __future__ import annotations

from dataclasses import dataclass

from parallelbench.contracts.handle import DenoiserHandle
from parallelbench.errors import UserError
from parallelbench.schema import Sample
from parallelbench.tasks import Task

CHECKED = 64
"""Samples that are encoded; they are taken in the order of the limit, in which all sizes occur early."""
STEP = 32
"""A derived canvas is a multiple of this, so that the usual blocks divide it."""
NOT_ANSWERS = frozenset({"samples", "shots", "max_new_tokens", "infill", "wording", "system"})
"""Options of a task that do not change how long its right answers are."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How many of the checked right answers are longer than the canvas, and the number of tokens of the longest."""

    checked: int
    too_long: int
    longest: int


class CheckedSamples:
    """The samples by which canvases are measured: of each task the first under a limit, drawn once, however many models run it.

    Args:
        seed: draws them.
        limit: samples that are run; None: all.
    """

    def __init__(self, seed: int, limit: int | None) -> None:
        self._seed, self._limit = seed, limit
        self._drawn: dict[int, tuple[Task, list[Sample]]] = {}
        """By the identity of the task, which is kept, so that no other task can have it."""

    def of(self, task: Task) -> list[Sample]:
        """Return the samples of a task, without demonstrations."""
        if id(task) not in self._drawn:
            indices = task.order(self._seed)[: self._limit][:CHECKED]
            self._drawn[id(task)] = task, [task.sample(self._seed, index, shots=0) for index in indices]
        return self._drawn[id(task)][1]


def with_room(task: Task, handle: DenoiserHandle, samples: CheckedSamples, allow_short: bool) -> tuple[Task, str | None]:
    """Return the task with a canvas that is long enough for its right answers, and a note for the user or None.

    The task is not changed if its right answers have no law (text tasks), or if `infill` is set. A canvas length that
    neither the user nor the paper sets is made long enough. If the paper sets it, up to half of the right answers may be too
    long, because the results of the paper have the same limit; the note says how many.

    Raises:
        UserError: right answers are longer than the canvas, and short canvases are not allowed.
    """
    if task.infill or task.law is None:
        return task, None
    fit = measure(task, handle, samples)
    if not fit.too_long:
        return task, None
    canvas, name = task.max_new_tokens, handle.info.name
    needed = -(-(fit.longest + 1) // STEP) * STEP
    what = f"{fit.too_long} of {fit.checked} right answers of {task.name} do not fit in {canvas} tokens of {name}"
    if not fixed_by_user(task) and not fixed_by_paper(task):
        return task.model_copy(update={"max_new_tokens": needed}), (
            f"{what}, so its canvas has {needed} tokens here (the longest answer has {fit.longest})."
        )
    if allow_short or (fixed_by_paper(task) and not fixed_by_user(task) and 2 * fit.too_long <= fit.checked):
        return task, f"{what} (the longest has {fit.longest}), so these samples cannot be right."
    raise UserError(
        f"{what} (the longest has {fit.longest}), so these samples cannot be right; write max_new_tokens={needed}, "
        "or allow it with --allow-short-canvas."
    )


def measure(task: Task, handle: DenoiserHandle, samples: CheckedSamples) -> Fit:
    """Encode the right answers of a task's first samples in the tokens of a model."""
    lengths = [len(handle.codec_for(sample).encode(sample.answer)) for sample in samples.of(task)]
    return Fit(len(lengths), sum(length > task.max_new_tokens for length in lengths), max(lengths, default=0))


def fixed_by_user(task: Task) -> bool:
    """Whether the user said how long the canvas is."""
    return task.suite != "official" and "max_new_tokens" in task.model_fields_set


def fixed_by_paper(task: Task) -> bool:
    """Whether the paper says how long the canvas is: for its own data, and for its tasks with the options that it has."""
    if task.suite == "official":
        return True
    changed = task.model_fields_set - NOT_ANSWERS - task.preset_keys
    return task.suite == "ours" and task.name in IN_THE_PAPER and not changed


IN_THE_PAPER = frozenset(
    {
        *(
            f"waiting_line/{name}"
            for name in (
                "copy", "reverse", "sort", "shuffle", "replace_index", "replace_random", "insert_index", "insert_random",
                "remove_index", "remove_random",
            )
        ),
        "puzzle/latin_square_n4", "puzzle/sudoku_n4_12",
    }
)  # fmt: skip
"""Tasks with a law of their right answers for which the paper fixes the canvas."""
