"""Protocols: published settings of evaluations on standard tasks, by name, with the numbers that were reported for them.

`cards.yaml` holds the facts and their sources. A prompt is no part of a protocol: ours differ from the published ones, so a
reported number is something to compare with, and not a target that must be met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from parallelbench.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Setting:
    """How one task is evaluated.

    Attributes:
        options: the options of the task: `shots`, and `max_new_tokens` where the source gives it.
        decoder: the spec of the decoder.
        reported: the score in percent; None where the source has none.
        of: the data set that it was reported for, where that is not the task's own.
    """

    options: Mapping[str, int]
    decoder: str
    reported: float | None = None
    of: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """Published settings: of which model, from which source, and what the source leaves open; `tasks` by name."""

    name: str
    model: str
    source: str
    unknown: str
    tasks: Mapping[str, Setting]


@cache
def protocols() -> Mapping[str, Protocol]:
    """All protocols, by name."""
    cards = yaml.safe_load(files(__name__).joinpath("cards.yaml").read_text(encoding="utf-8"))
    return {name: _protocol(name, card) for name, card in cards.items()}


def find_protocol(name: str) -> Protocol:
    """Return the protocol of a name.

    Raises:
        UnknownName: there is none; the message offers the nearest.
    """
    if name not in protocols():
        raise UnknownName("protocol", name, protocols())
    return protocols()[name]


def reported(task: str) -> list[tuple[Protocol, Setting]]:
    """The protocols that report a number for a task."""
    found = ((one, one.tasks[task]) for one in protocols().values() if task in one.tasks)
    return [(one, setting) for one, setting in found if setting.reported is not None]


def _protocol(name: str, card: Mapping[str, Any]) -> Protocol:
    tasks = {task: _setting(dict(values)) for task, values in card["tasks"].items()}
    return Protocol(name, card["model"], card["source"], card["unknown"], tasks)


def _setting(values: dict[str, Any]) -> Setting:
    decoder, number, of = values.pop("decoder"), values.pop("reported", None), values.pop("of", "")
    return Setting(values, decoder, number, of)
