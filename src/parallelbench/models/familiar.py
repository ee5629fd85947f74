"""Whether a model was trained for a task as it is asked, and which model runs a task in the place of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parallelbench.contracts.info import ModelInfo
from parallelbench.models import MODELS
from parallelbench.models.cards import CARDS
from parallelbench.models.trained import Trained
from parallelbench.specs import render
from parallelbench.tasks import Task

SIZE_OF_RUN = frozenset({"samples", "shots"})
"""Options that say how many samples are run, or are looked at apart."""


def models_of(requested: str, tasks: Sequence[Task]) -> dict[str, list[Task]]:
    """Distribute the tasks over models.

    A shipped model that is requested by its bare name runs what it was trained for; the other tasks go to the shipped model
    that was trained for them.
    """
    by_model: dict[str, list[Task]] = {}
    for task in tasks:
        card = CARDS.get(requested)
        trained = [requested] if card is None or card.knows(task.name) else [*trained_for(task), requested]
        by_model.setdefault(trained[0], []).append(task)
    return by_model


def trained_for(task: Task) -> list[str]:
    """The shipped models that were trained for a task."""
    if task.suite != "ours":
        return []
    return [card.name for card in CARDS.values() if card.trained and card.knows(task.name) and card.name in MODELS]


def unfamiliar(info: ModelInfo, task: Task) -> str | None:
    """Say how a task differs from what a small model was trained for, and which model to use; None where it does not."""
    card = CARDS.get(info.card)
    if card is None or not card.trained or info.tuned:
        return None
    trained = card.training_of(task.name)
    if task.suite != "ours" or trained is None:
        others = trained_for(task)
        advice = f"; use -m {others[0]}" if others else ""
        which = task.name if task.suite == "ours" else f"{task.name} of the suite {task.suite}, which has other prompts"
        return f"{info.name} was not trained for {which}, so a wrong answer there is the model's fault{advice}."
    if found := differences(trained, task, task.shots_shown(info.shots)):
        return (
            f"{info.name} was not trained for {task.name} with {', '.join(found)}, so a wrong answer there is the model's "
            f"fault; it was trained on {card.training}."
        )
    return None


def differences(trained: Trained, task: Task, shots: int) -> list[str]:
    """The options of a task with values that a model was not trained with, and the demonstrations if their number is new."""
    found = []
    for key in sorted(task.model_fields_set - SIZE_OF_RUN - task.preset_keys):
        known = trained.options.get(key, _values(type(task).model_fields[key].default))
        value = getattr(task, key)
        if not set(_values(value)) <= set(known):
            found.append(render("", {key: value}).removeprefix(":"))
    if shots not in trained.shots:
        found.append(f"{shots} demonstration{'s' * (shots != 1)}")
    return found


def _values(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
