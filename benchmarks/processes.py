"""CPU seconds of this process and of all below it, by what they are: driver, workers, and the other processes of Ray.

Linux only. They hold on a machine with other work, too; wall times do not.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
WORKER = "ray::RemoteWorker"


class Reading(NamedTuple):
    """What the processes had taken at a moment.

    Attributes:
        at: the moment, in seconds.
        spent: user and system seconds by name: `driver` is this process, `worker PID` one that decodes, `ray PROGRAM` another.
        awake: of each worker's main thread, the seconds in which it ran or waited for a core, by the same names.
    """

    at: float
    spent: Counter[str]
    awake: Counter[str]


def read_processes() -> Reading:
    """Read what this process and all below it have taken since their starts."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    seconds: dict[int, float] = {}
    awake: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            command = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")[:3]
            scheduled = (path / "schedstat").read_text().split()
        except OSError:
            continue  # it has ended
        pid = int(path.name)
        parents[pid], names[pid] = int(fields[1]), _name(pid, command)
        seconds[pid] = (int(fields[11]) + int(fields[12])) / TICKS
        awake[pid] = (int(scheduled[0]) + int(scheduled[1])) / 1e9
    below, found = {os.getpid()}, Reading(time.perf_counter(), Counter({"driver": seconds[os.getpid()]}), Counter())
    while below := {pid for pid, parent in parents.items() if parent in below}:
        for pid in below:
            found.spent[names[pid]] += seconds[pid]
            if names[pid].startswith("worker"):
                found.awake[names[pid]] = awake[pid]
    return found


def _name(pid: int, command: list[str]) -> str:
    if command[0].startswith(WORKER):
        return f"worker {pid}"
    program = next((part for part in reversed(command) if part and not part.startswith("-")), "")
    return f"ray {Path(program.split()[0]).stem}" if program else "ray"


def spent_between(first: Reading, last: Reading) -> dict[str, float]:
    """The CPU seconds of each name, the largest first."""
    spent = {name: round(seconds - first.spent[name], 2) for name, seconds in last.spent.items()}
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def asleep_between(first: Reading, last: Reading) -> dict[str, float]:
    """The seconds in which a worker neither ran nor waited for a core: it waited for the driver."""
    wall = last.at - first.at
    return {name: round(wall - seconds + first.awake[name], 2) for name, seconds in last.awake.items()}
