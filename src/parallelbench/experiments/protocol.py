"""Puts the settings of a protocol into what is to be run, where the user did not set them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from parallelbench.errors import UserError
from parallelbench.experiments.task_specs import matching
from parallelbench.protocols import Protocol, find_protocol
from parallelbench.specs import parse, render

SUITE = "standard"


class Applied(NamedTuple):
    """Tasks and decoders with the settings of a protocol, and what the user should read before they run."""

    tasks: list[str]
    decoders: list[str]
    notes: list[str]


def apply_protocol(name: str, tasks: Sequence[str], decoders: Sequence[str], shots: int | None) -> Applied:
    """Give each standard task the protocol's options, and take its decoder where the user named none.

    Raises:
        UserError: the protocol is unknown or has nothing for a task, or its decoders for these tasks differ.
    """
    protocol = find_protocol(name)
    specs = [one for spec in tasks for one in matching(spec, list(protocol.tasks))]
    made = [_with_options(spec, protocol, shots) for spec in specs]
    chosen = {protocol.tasks[parse(spec)[0]].decoder for spec in made}
    if not decoders and len(chosen) > 1:
        names = ", ".join(f"{parse(spec)[0]}: {protocol.tasks[parse(spec)[0]].decoder}" for spec in made)
        raise UserError(f"protocol '{name}' decodes these tasks differently ({names}); run them one after another.")
    notes = [f"protocol {name} ({protocol.model}): {protocol.source}. {protocol.unknown}"]
    notes += [said for spec in made if (said := said_of(protocol, parse(spec)[0]))]
    return Applied(made, list(decoders) or sorted(chosen), notes)


def said_of(protocol: Protocol, task: str) -> str:
    """What was reported for a task under a protocol, as a sentence; "" where nothing was."""
    setting = protocol.tasks[task]
    if setting.reported is None:
        return ""
    data = f" on {setting.of}" if setting.of else ""
    return f"reported for {task} under {protocol.name}: {setting.reported:g} %{data}, with other prompts than ours."


def _with_options(spec: str, protocol: Protocol, shots: int | None) -> str:
    task, options = parse(spec)
    if task not in protocol.tasks:
        raise UserError(
            f"protocol '{protocol.name}' has no setting for '{task}'; it has {', '.join(protocol.tasks)}: choose one of them, "
            "or leave --protocol out."
        )
    wanted = dict(protocol.tasks[task].options)
    if shots is not None:
        wanted.pop("shots", None)
    return render(task, {**wanted, **options})
