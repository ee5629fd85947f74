"""The sign of life of a run: `heartbeat.json`, written every few seconds while a call goes on and removed at its end.

A call that is killed leaves its last one behind. No result depends on the file.
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from parallelbench.errors import UserError
from parallelbench.runs.border import SCHEMA, STRICT, Schema, read_json
from parallelbench.runs.disk import write_bytes
from parallelbench.runs.records import Cost, Count

HEARTBEAT = "heartbeat.json"
EVERY = 5.0
"""Seconds from one sign of life to the next."""
LATE = 60.0
"""Seconds without one after which a call counts as stalled or killed."""
Life = Literal["running", "stalled", "killed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a call says of itself while it goes on.

    Attributes:
        call: its number in the folder.
        pid, host: the process, and the name of its machine.
        written: UTC, ISO 8601.
        samples: the samples of its plan, and `done` how many of them are on disk.
        workers: processes that decode.
        rate: samples a second since it began; None before the first.
        seconds_left: the estimate; None where nothing is known yet.
        model, task, decoder: the cell that was begun last; empty before the first.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema: Schema = SCHEMA
    call: Count
    pid: Count
    host: str
    written: str
    samples: Count
    done: Count
    workers: Count = 1
    rate: Cost | None = None
    seconds_left: Cost | None = None
    model: str = ""
    task: str = ""
    decoder: str = ""


ADAPTER = TypeAdapter(Heartbeat)


def write_heartbeat(out: Path, beat: Heartbeat) -> None:
    """Write the sign of life.

    Raises:
        UserError: the disk cannot be written.
    """
    write_bytes(out / HEARTBEAT, ADAPTER.dump_json(beat, indent=2) + b"\n")


def remove_heartbeat(out: Path) -> None:
    """Remove it, if it is there and can be removed."""
    with contextlib.suppress(OSError):
        (out / HEARTBEAT).unlink(missing_ok=True)


def read_heartbeat(out: Path) -> Heartbeat | None:
    """Read the sign of life; None where there is none that can be read."""
    try:
        return read_json(out / HEARTBEAT, ADAPTER)
    except UserError:
        return None


def life_of(beat: Heartbeat | None, call: int, at: datetime | None = None) -> Life:
    """Say whether a call that has not written its end still goes on.

    Args:
        beat: the sign of life in its folder.
        call: the number of the call.
        at: the time of the look; None is now.

    A process of this machine that no longer exists was killed, whenever it wrote last. Of a process on another machine only the
    time of its last sign is known.
    """
    if beat is None or beat.call != call:
        return "killed"
    here = beat.host == socket.gethostname()
    if here and not process_exists(beat.pid):
        return "killed"
    if age_of(beat, at) <= LATE:
        return "running"
    return "stalled" if here else "killed"


def age_of(beat: Heartbeat, at: datetime | None = None) -> float:
    """Return the seconds since a sign of life was written; infinity where its time cannot be read."""
    try:
        return ((at or datetime.now(UTC)) - datetime.fromisoformat(beat.written)).total_seconds()
    except (TypeError, ValueError):
        return float("inf")


def process_exists(pid: int) -> bool:
    """Whether this machine has such a process; True where the system does not say."""
    if os.name != "posix" or pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
