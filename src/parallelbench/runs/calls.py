"""Calls are the commands that added to a run folder. Each has a file with its arguments, its cells, its start and its end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from parallelbench.runs.border import SCHEMA, STRICT, Schema, cleaned, read_json
from parallelbench.runs.disk import disk_errors, write_bytes

CALLS = "calls"
NAME = re.compile(r"\d{4,}\.json")
Outcome = Literal["running", "complete", "interrupted", "failed"]
"""How a call ended; one that was killed is "running" for ever, without an end."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The software and the machine of a call; `git` is None outside a checkout."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    packages: Mapping[str, str]
    git: Mapping[str, str | bool] | None
    python: str
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One command on a run folder.

    Attributes:
        number: 1 for the first call on the folder.
        arguments: the command line as given.
        resolved: the sweep that it came to, every option with its value.
        cells: the planned cells, in order, and the planned number of samples of each.
        started, ended: UTC, ISO 8601; `ended` is None while it runs, and where it was killed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema = SCHEMA
    number: int
    arguments: tuple[str, ...]
    resolved: Mapping[str, Any]
    cells: Mapping[str, int]
    environment: Environment
    started: str
    ended: str | None = None
    outcome: Outcome = "running"


CALL, ENVIRONMENT = TypeAdapter(Call), TypeAdapter(Environment)


def changed_packages(before: Environment, now: Environment) -> str:
    """Name the packages (and Python) whose versions have changed since a call; empty where none has."""
    old, new = ({**one.packages, "Python": one.python} for one in (before, now))
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(f"{name} {old.get(name, 'absent')}, now {new.get(name, 'absent')}" for name in names)


def call_files(out: Path) -> list[Path]:
    """The files of the calls on a folder, the earliest first."""
    folder = out / CALLS
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if NAME.fullmatch(path.name)), key=_number)


def read_calls(out: Path) -> tuple[Call, ...]:
    """Read every call on a folder, the earliest first.

    Raises:
        DamagedRun: one of the files is damaged.
        OtherSchema: another version wrote one.
    """
    return tuple(read_json(path, CALL) for path in call_files(out))


def begin_call(
    out: Path, arguments: list[str], resolved: Mapping[str, Any], cells: Mapping[str, int], environment: Environment, now: str
) -> Call:
    """Write down that a call has started.

    Raises:
        UserError: the disk cannot be written.
    """
    number = max((_number(path) for path in call_files(out)), default=0) + 1
    call = Call(
        number=number,
        arguments=tuple(cleaned(arguments)),
        resolved=cleaned(resolved),
        cells=dict(cells),
        environment=environment,
        started=now,
    )
    with disk_errors(out):
        (out / CALLS).mkdir(exist_ok=True)
    write_call(out, call)
    return call


def end_call(out: Path, call: Call, outcome: Outcome, now: str) -> None:
    """Write down how and when a call ended.

    Raises:
        UserError: the disk cannot be written.
    """
    write_call(out, replace(call, ended=now, outcome=outcome))


def write_call(out: Path, call: Call) -> None:
    """Write the file of a call.

    Raises:
        UserError: the disk cannot be written.
    """
    write_bytes(out / CALLS / f"{call.number:04}.json", CALL.dump_json(call, indent=2) + b"\n")


def _number(path: Path) -> int:
    return int(path.stem)
